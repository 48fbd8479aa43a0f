"""What holds for every test: log lines go to standard error, as in a command."""

import sys

import structlog

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
