"""Lists of English words that tell what is certain. Small letters, straight apostrophes."""

from voice_edit.numbers import cardinal
from voice_edit.wordlists import wordlist

DETERMINERS = wordlist("a an the my your its our their every each any no whose per another")
"""What stands before a noun: "a comma" is a word about commas."""

POINTERS = wordlist("this that these those his her one two three four five some all both more most")
"""Stand before a noun or by themselves: "remove that comma", "I know that comma but ..."."""

PREPOSITIONS = wordlist(
    """about above across after against along among around at before behind below beneath beside between
    beyond by down during for from in inside into near of off on onto outside over past per since through
    throughout till to toward towards under until up upon via with within without"""
)

FUNCTION_WORDS = (
    DETERMINERS
    | POINTERS
    | PREPOSITIONS
    | wordlist(
        """i you he she it we they me him us them mine yours hers ours theirs and or but so if then than as
    because while when where who what which why how is are was were be been am do does did have has had
    will would can could shall should may might must not there here too very just also only"""
    )
)

ENGLISH = FUNCTION_WORDS | wordlist(
    """i'm i've i'll i'd it's that's there's don't doesn't didn't can't won't isn't aren't let's we're
    you're they're he's she's what's please thanks thank yes no okay ok well now today tomorrow yesterday
    tonight morning evening week month year monday tuesday wednesday thursday friday saturday sunday
    three six seven eight nine ten eleven twelve think know want need see come go get make say meet call
    send good new right wait mean sorry dear hello best regards like love really still never always"""
) - wordlist("no per an in me a so of as do am will i over")
"""Words that show that English is spoken: those that other languages have too are left out."""

FOREIGN = wordlist(
    """der das den dem ein eine einen einem einer und ist nicht ich wir sie mit zu zum zur uhr geht wird
    sich auf für von bei nach aus es du mir dich war's auch kein
    eu ele ela não uma que da dos das em para meu minha seu sua isto isso quer
    el los las una y un es con por está pero muy nos
    le les et est une pas je tu il elle nous vous des du au aux c'est s'il dans sur
    di che è sono per il gli della dell' dell'articolo nel
    het een niet van zijn aan ik hij zij om jij naar bij
    och att det som är jag inte på med og ikke jeg på"""
) - wordlist("per es das das. los las")
"""Words that show that it is not."""

WEEKDAYS = wordlist("monday tuesday wednesday thursday friday saturday sunday")
KINDS = (
    WEEKDAYS,
    wordlist("mondays tuesdays wednesdays thursdays fridays saturdays sundays"),
    wordlist("january february march april may june july august september october november december"),
    wordlist("today tomorrow yesterday tonight"),
    wordlist("morning afternoon evening"),
    wordlist("black white red green blue yellow brown grey gray orange purple pink silver"),
    wordlist("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"),
    wordlist("left right"),
)
"""Words of one kind stand for each other. Numbers are a kind of their own."""

VERBS = wordlist(
    """is are was were be been am isn't aren't wasn't weren't will would can could shall should may might must
    won't wouldn't can't couldn't do does did don't doesn't didn't has have had hasn't haven't came come
    comes went goes go got gets works worked looks looked seems left leaves starts ends broke fell said says
    needs need wants want makes made suits fits sounds still already never always just"""
)
"""After these a clause goes on that has a subject of its own."""

REPORTING = wordlist(
    """say says said saying asked asks told tell tells telling yelled yells shouted shouts whispered whispers
    replied replies answered answers wrote writes screamed mumbled insisted reads quoted quote"""
)
"""Somebody's words are told: what sounds taken back may have been said just so."""


def is_number(norm: str) -> bool:
    """A number, in words or digits: "thirty", "3", "7:30"."""
    return cardinal([norm]) is not None or (norm[:1].isdigit() and norm.replace(":", "").isdigit())


def is_english(norms: list[str]) -> bool:
    """Whether these words are surely English."""
    english = sum(norm in ENGLISH or cardinal([norm]) is not None for norm in norms)
    foreign = sum(norm in FOREIGN for norm in norms)
    return english > foreign


def may_be_foreign(norms: list[str]) -> bool:
    """Whether some words are of another language, and those that are surely English are no more."""
    foreign = sum(norm in FOREIGN for norm in norms)
    return bool(foreign) and foreign >= sum(norm in ENGLISH for norm in norms)


CAPITALS = (
    WEEKDAYS
    | wordlist("i i'm i've i'll i'd january february march april june july august september october")
    | wordlist("november december christmas easter internet")
    | wordlist(
        """english german french spanish italian dutch russian ukrainian chinese japanese korean arabic
        turkish swedish danish norwegian finnish greek portuguese american british canadian australian indian
        european african asian"""
    )
    | wordlist(
        """europe america africa asia australia canada mexico brazil argentina england britain scotland
        ireland wales germany france spain italy portugal austria switzerland belgium netherlands denmark
        sweden norway finland poland russia ukraine greece egypt israel india japan korea
        london paris berlin madrid rome vienna munich hamburg zurich amsterdam brussels dublin moscow
        tokyo delhi boston chicago california texas florida washington"""
    )
    | wordlist(
        """alice anna anne andrew anthony barbara ben benjamin betty bob brian carol caroline catherine
        charles charlotte chris christina christopher claire clara daniel david deborah diana donald dorothy
        edward elena elizabeth emily emma eric eva felix fiona george hannah harry helen henry isabel jacob
        james jane janet jason jennifer jessica jim joan joe john jonas jonathan joseph julia julie karen kate
        katherine kevin laura lena leo linda lisa louis lucas lucy maria marie martha martin mary matthew
        michael michelle monica nancy nicole nina oliver olivia patricia paul paula peter philip rachel
        rebecca richard robert ruth samantha samuel sandra sarah simon sofia sophie stephen steven susan
        teresa thomas tim tom vera victor victoria virginia walter william yuki"""
    )
)
"""Words that have their capital in the middle of a sentence, too, and are no other words without it."""
