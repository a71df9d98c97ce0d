"""Queues and schedulers that take the visitor along: one file per library, imported only by who uses it.

import gatekeeper.integrations.celery
gatekeeper.integrations.celery.install()     # where tasks are sent, and where they run

A task carries the visitor's signed token (`gatekeeper.context.dump`), never an identifier, and works for that visitor
for an hour after the request. A task that carries none works for an unknown visitor.
"""
