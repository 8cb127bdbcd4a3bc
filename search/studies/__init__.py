"""Questions put to a task before a run, or to a finished run, a file each.

known         the calibration that suits a search, archived or made now
calibrate     a task's noise, and checks of the judge
quick         the same from trials that a search runs anyway, with fewer checks
summed        what the trials of either say of the noise
copies        nearly equal programs to measure it by; spread: how far their scores differ
redrawn       how much of that is the grader's own, from two sealed draws

report        the best node on sealed seeds
ablate        what each step that led to it is worth; merge: one step taken out of a program
controls      what simpler searches find at an equal budget
rejudge       the same evidence under another error budget
replay        the same programs measured again
regrow        the same run grown again, offline

contest/      several agents compared, at an equal budget
equal_budget  grow a search until its trials are spent
"""
