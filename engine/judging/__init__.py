"""Is an answer of the model what was said? Pure: words, probabilities and lengths in, a verdict out.

symptoms      what answers look like that nobody said: loops, too many words, an assistant's phrases
languages     words of another language than the one that is spoken
calibration   the model's probabilities as how often such words were right, as measured
judge         both together: a verdict on one answer
choose        of two answers to the same sound, the better one, and why
"""
