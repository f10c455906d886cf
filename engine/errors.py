"""Everything that can go wrong between a sound and its words.

    EngineError
    ├── AudioError               the recording cannot be used
    │   ├── AudioMissing         no file of that name
    │   ├── AudioUnreadable      not audio, corrupt, a folder, no permission
    │   ├── AudioNotFinite       NaN or infinite samples
    │   ├── AudioEmpty           a file, but not one sample in it
    │   ├── AudioTooLong         more than may be sent at once
    │   ├── AudioTooShort        less than 100 ms
    │   ├── AudioSilent          digital silence: every sample the same
    │   ├── AudioTooQuiet        something is there, far below speaking level
    │   ├── NoSpeech             loud enough, but nobody speaks
    │   │   └── WordsUnsure          perhaps somebody does; the model is not sure of the words
    │   ├── FallenBehind         sound came faster than it was heard, for too long
    │   └── MicrophoneError      live sound cannot be had
    │       ├── PortAudioMissing     the library that talks to sound devices is not installed
    │       ├── MicrophoneMissing    no input at all, or none of that name
    │       ├── MicrophoneForbidden  the system does not let us listen
    │       ├── MicrophoneBusy       another program holds it, or it refuses every format
    │       └── MicrophoneLost       it went away while it was listened to and did not come back
    ├── ModelError               the model cannot be used
    │   ├── ModelMissing         no such file or catalog entry
    │   ├── ModelCorrupt         truncated, or not a GGUF file at all
    │   ├── ModelUnsupported     a sound GGUF of an architecture we cannot feed
    │   ├── ModelTooLarge        it needs more memory than is free here
    │   ├── ProjectorUnsupported a projector of a kind that cannot be used
    │   ├── ProjectorMismatch    a projector of another width than the model
    │   ├── DrafterUnusable      a drafter that llama.cpp cannot use here; the model works without
    │   │   └── DrafterMismatch      a drafter of another model, or no drafter at all
    │   ├── DetectorMissing      the voice detector that was chosen is not installed
    │   ├── DiskFull             no room for the files that are to be written
    │   ├── PackageMissing       what was asked for needs a package that is not installed
    │   ├── StoreBusy            another voice-edit changes the models of this user
    │   ├── DownloadError        a model could not be fetched; nothing of it became active
    │   │   ├── HubUnreachable       no connection, or it broke off again and again
    │   │   ├── HubRefused           the file is not handed out, or is another one than is known
    │   │   └── WrongBytes           what arrived is not what was promised
    │   ├── ContextFull          the utterance does not fit into the context
    │   ├── DecodeFailed         llama.cpp refused or failed a batch
    │   ├── ServerError          a server that hears or writes cannot be used
    │   │   ├── ServerUnusable       its URL or key makes no sense
    │   │   ├── ServerForbidden      it is on another machine, or sends us there
    │   │   ├── ServerUnreachable    nothing answers there
    │   │   ├── ServerRefused        it answers with a refusal: key, model, request
    │   │   ├── ServerLost           it fell silent, broke off, or talks nonsense
    │   │   └── ServerDeaf           it takes no sound
    │   └── EngineLost           the process that hears ended over this utterance, again and again
    ├── ImageUnreadable          no image that a model could be shown
    ├── GrammarUnreadable        what a text must fit is no grammar
    └── Cancelled                the user asked to stop; not a fault

`str(error)` says in one line what happened and to which file, `error.hint` what to do next. `error.code` is a
stable name for scripts. `error.fatal` says that listening cannot go on: no later recording will do better.
They can be pickled, because the engine may run in a process of its own.
"""

# The names say what is wrong; an "Error" at their end would only make them longer.
# ruff: noqa: N818

from __future__ import annotations


class EngineError(Exception):
    """Base of the tree. Raise a leaf: `AudioSilent("take.wav: every sample is zero")`."""

    code: str = "engine"
    hint: str = "Run the command again with --verbose and report what it prints."
    fatal: bool = False

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class AudioError(EngineError):
    """The recording cannot be used; the next one may be fine."""

    code = "audio"
    hint = "Give a recording of speech as WAV, FLAC, OGG or MP3."


class AudioMissing(AudioError):
    """There is no file of that name."""

    code = "audio-missing"
    hint = "Check the spelling and the folder of the recording."


class AudioUnreadable(AudioError):
    """Not audio, corrupt, a folder, or not ours to read."""

    code = "audio-unreadable"
    hint = "Give WAV, FLAC, OGG or MP3; convert others first, for example: ffmpeg -i INPUT out.wav"


class AudioNotFinite(AudioError):
    """Samples that are NaN or infinite: the program that wrote them computed something wrong."""

    code = "audio-not-finite"
    hint = "Export the recording again as 16-bit WAV, which cannot hold such values."


class AudioTooLong(AudioError):
    """More sound than may be sent at once."""

    code = "audio-too-long"
    hint = "Send it in parts, or allow more: api.longest_audio_s."


class AudioEmpty(AudioError):
    """A file without one sample."""

    code = "audio-empty"
    hint = "Record again; the recorder wrote no sound before it was stopped."


class AudioTooShort(AudioError):
    """Shorter than the shortest word."""

    code = "audio-too-short"
    hint = "Record at least half a second: keep recording until the last word is spoken."


class AudioSilent(AudioError):
    """Digital silence: a muted microphone or a monitor of nothing, never a quiet room."""

    code = "audio-silent"
    hint = "The microphone was muted or the wrong input recorded: unmute it or choose another, and try again."


class AudioTooQuiet(AudioError):
    """Some signal, but far below the level of speech."""

    code = "audio-too-quiet"
    hint = "Raise the input gain or move closer to the microphone, then record again."


class NoSpeech(AudioError):
    """Loud enough, but nothing in it behaves like a voice."""

    code = "no-speech"
    hint = "Only noise was heard. Speak closer to the microphone, or check that the right input was recorded."


class WordsUnsure(NoSpeech):
    """It sounds like words, but the model is not sure enough of any."""

    code = "unsure"
    hint = "Say it again, closer to the microphone. The sound is kept, see `voice-edit log`."


class FallenBehind(AudioError):
    """Sound comes faster than it is heard, and has for long."""

    code = "fallen-behind"
    hint = "What was said is kept: `voice-edit log` and `retry`. Use a smaller model or more threads."


class MicrophoneError(AudioError):
    """Live sound cannot be had. A recording would still be heard."""

    code = "microphone"
    hint = "Run `voice-edit doctor`: it tests every link from the microphone to the text."


class PortAudioMissing(MicrophoneError):
    """The library that talks to sound devices is not installed."""

    code = "portaudio-missing"
    fatal = True
    hint = "Install it and start again: sudo apt install libportaudio2 (macOS: brew install portaudio)"


class MicrophoneMissing(MicrophoneError):
    """No input at all, or none of that name."""

    code = "microphone-missing"
    hint = "Plug a microphone in, or choose another: the setting is microphone.device."


class MicrophoneForbidden(MicrophoneError):
    """The system does not let us listen."""

    code = "microphone-forbidden"
    hint = "Allow the microphone for this program in the privacy settings of the system."


class MicrophoneBusy(MicrophoneError):
    """It is there and cannot be opened: another program holds it, or it takes no format that we know."""

    code = "microphone-busy"
    hint = "Close other programs that record, or choose another microphone: microphone.device."


class MicrophoneLost(MicrophoneError):
    """It went away while it was listened to, and did not come back in time."""

    code = "microphone-lost"
    hint = "Plug it in again and repeat what is missing; what was heard before is kept."


class ModelError(EngineError):
    """The model cannot be used; every recording would fail the same way."""

    code = "model"
    fatal = True
    hint = "Choose another model, or use the bundled one: --model bundled"


class ModelMissing(ModelError):
    """No file at that path and no catalog entry of that name."""

    code = "model-missing"
    hint = "Check the path of the model, or use the one that ships with the program: --model bundled"


class ModelCorrupt(ModelError):
    """Truncated, or not a GGUF file."""

    code = "model-corrupt"
    hint = (
        "The file is damaged or was not downloaded to its end; fetch it again and compare size and checksum."
    )


class ModelUnsupported(ModelError):
    """A readable GGUF of an architecture that the engine cannot feed with sound."""

    code = "model-unsupported"
    hint = "Use a model of the 'gemma4' architecture with its projector, or: --model bundled"


class ModelTooLarge(ModelError):
    """It needs more memory than this machine has free. Nothing was loaded."""

    code = "model-too-large"
    hint = (
        "End other programs, or choose a smaller model (voice-edit model list), a smaller context "
        '(engine.context_tokens, engine.writing_tokens), or engine.kv_type = "q8_0". '
        "engine.check_memory = false tries it anyway."
    )


class ProjectorUnsupported(ModelError):
    """A projector that takes no sound, or of a kind that cannot be used here."""

    code = "projector-unsupported"
    hint = "Take the mmproj file that belongs to the model: 'gemma4ua' for 12B, 'gemma4a' for E2B and E4B."

    def __init__(self, message: str = "", *, kind: str = "", hint: str | None = None) -> None:
        if hint is None and kind:
            hint = f"This projector is '{kind}'. {type(self).hint}"
        super().__init__(message, hint=hint)
        self.kind = kind
        """The projector type that the file declares, or ''."""


class ProjectorMismatch(ModelError):
    """The projector makes soft tokens of another width than the model takes."""

    code = "projector-mismatch"
    hint = "Model and projector must come from one release; fetch the mmproj file that belongs to this model."

    def __init__(
        self, message: str = "", *, projector_width: int = 0, model_width: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.projector_width = projector_width
        """Values in one soft token of the projector, 0 where unknown."""
        self.model_width = model_width
        """Values in one embedding of the model, 0 where unknown."""


class DrafterUnusable(ModelError):
    """The drafter cannot be used here. Everything works without it, more slowly."""

    code = "drafter-unusable"
    hint = "Take the drafter's file away; the model works without it."


class DrafterMismatch(DrafterUnusable):
    """The file is a drafter of another model, or no drafter."""

    code = "drafter-mismatch"
    hint = "Put the drafter that was made for this very model beside it, or take this file away."


class DetectorMissing(ModelError):
    """The voice detector that was chosen needs a package that is not installed."""

    code = "detector-missing"
    hint = "pip install 'voice-edit[silero]', or go without it: listening.detector = \"webrtc\""


class DiskFull(ModelError):
    """There is no room for the files that are to be written; nothing was written."""

    code = "disk-full"
    hint = "Make room, or name a folder on another disk."


class PackageMissing(ModelError):
    """What was asked for needs a package that is not installed."""

    code = "package-missing"
    hint = "pip install 'voice-edit[bench]'"


class StoreBusy(ModelError):
    """Another voice-edit downloads, imports or removes a model of this user."""

    code = "store-busy"
    hint = "Wait until it is done, then run the command again."


class DownloadError(ModelError):
    """A model could not be fetched. Nothing of it became active, and what was used before still is."""

    code = "download"
    hint = "Run the command again: it goes on where it stopped."


class HubUnreachable(DownloadError):
    """No connection to the hub, or it broke off again and again."""

    code = "hub-unreachable"
    hint = (
        "Run the command again: it goes on where it stopped. Behind a proxy or with a mirror, set "
        "HTTPS_PROXY or HF_ENDPOINT."
    )


class HubRefused(DownloadError):
    """The hub does not hand the file out, or what it has under that name is not what is known of it."""

    code = "hub-refused"
    hint = "Look at the model's page; `voice-edit model import PATH` takes files that you got another way."


class WrongBytes(DownloadError):
    """What arrived is not what was promised. It was thrown away."""

    code = "wrong-bytes"
    hint = "Run the command again, if need be over another network: something on the way changes the file."


class ContextFull(ModelError):
    """This utterance does not fit into the context; a shorter one does."""

    code = "context-full"
    fatal = False
    hint = "Speak in shorter utterances, or open the engine with a larger context."


class DecodeFailed(ModelError):
    """llama.cpp refused or failed a batch; the utterance is lost to the model, its audio is not."""

    code = "decode-failed"
    fatal = False
    hint = "Try the recording again; if it fails again, free memory or use fewer threads."


class EngineLost(ModelError):
    """The process that hears ended while it worked on this utterance, and did so again when restarted."""

    code = "engine-lost"
    fatal = False
    hint = (
        "The recording is kept: try it again with `voice-edit retry`. If that fails too, free memory or use "
        "a smaller model; `voice-edit doctor` tells more."
    )


class ServerError(ModelError):
    """A server that hears or writes cannot be used, now or ever."""

    code = "server"
    hint = "`voice-edit doctor` asks the server and says what it can do; docs/servers.md has the settings."


class ServerUnusable(ServerError):
    """Its URL or its key makes no sense."""

    code = "server-unusable"
    hint = 'Write it like this in config.toml: [server] url = "http://127.0.0.1:8080" (docs/servers.md).'


class ServerForbidden(ServerError):
    """It is on another machine, or sends us to one, and nobody allowed that."""

    code = "server-forbidden"
    hint = (
        "What you say would leave this machine. If you want that, set server.allow_remote = true; "
        "or reach the other machine through a tunnel: ssh -N -L 8000:127.0.0.1:8000 HOST"
    )


class ServerUnreachable(ServerError):
    """Nothing answers there."""

    code = "server-unreachable"
    hint = "Start the server, and compare its host and port with server.url; `voice-edit doctor` tries it."


class ServerRefused(ServerError):
    """It answers, with a refusal."""

    code = "server-refused"


class ServerLost(ServerError):
    """It fell silent, broke off, or said what is no answer."""

    code = "server-lost"
    hint = (
        "Nothing was changed. Try again; the server's own log says more, and server.read_s allows more time."
    )


class ServerDeaf(ServerError):
    """It takes no sound."""

    code = "server-deaf"
    hint = (
        'Let a model on this machine hear and the server write: engine.model = "bundled" or a GGUF file, '
        'and rewrite.writer = "server" (docs/servers.md).'
    )


class ImageUnreadable(EngineError):
    """No image that a model could be shown."""

    code = "image-unreadable"
    hint = "Give a PNG or JPEG file."


class GrammarUnreadable(EngineError):
    """What a text must fit is no grammar that llama.cpp can read."""

    code = "grammar-unreadable"
    hint = "The grammar is made by the program: report what you asked for, with the output of --verbose."


class Cancelled(EngineError):
    """The user asked to stop. Nothing is wrong and nothing is to be done."""

    code = "cancelled"
    hint = "Nothing was changed."
