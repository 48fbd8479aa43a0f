"""The demo's self-check: five staged stories, walked over HTTP as people would.

Enters: nothing but two freshly started processes. Leaves: one line per step, and an exit
code: 0 if every step was true, 1 at the first untruth. Must never happen: a step that
looks into a database or calls a use case; what is checked is what people can see.
"""
