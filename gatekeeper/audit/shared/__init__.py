"""The log over several machines: what each puts into an object store, and how all of it is read from one place.

    parts      a segment divided: its lines without references, and the references
    objects    what is asked of an object store; `s3` is the one there is
    trail      what is asked of the engine: lines that the archive lacks, ends of streams, machines, wishes to forget
    sending    this machine's closed segments go into the archive
    mirror     the other machines' logs, as folders of this one
    cutting    references are cut out of what the archive and the engine have
    believed   which signatures are another machine's
    proving    every machine's log is verified, and each against what the others signed of it

Each machine keeps its own log, with its own key; nothing here is needed to send an event.
"""
