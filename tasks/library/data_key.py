"""The number that a task's data are drawn with, which only trusted code may import.

A run draws one from its secret, and what is here is then replaced: its shapes, languages, teachers
and worlds follow from that number, and nobody who has this source can make them again. 0 stands for
the published data, which archives of older versions and the tables of the READMEs are about.
"""

DATA = 0
