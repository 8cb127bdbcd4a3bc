"""The command line: its verbs, and what a terminal draws.

main        the verbs put together, and run          display     output that cannot fail
searching   search, resume, learn, stop, approve     run, learned, approve, live
checking    calibrate, doctor                        calibrate, noise_page, doctor, attack
reading     runs, tree, show, diff, replay, ...      rejudge, report
benches     bench agents                             bench
images      sandbox build, sandbox prune
options     what several verbs take                  output      how a verb prints and leaves

The files on the right do what the verbs of a line ask for. They draw with these:

terminal    text that is safe to print               lists       tables of runs, tasks, agents
view        runs, trees and nodes                    draw_report the report of a run
"""
