"""Recordings: watching what changes, writing it down, and summing it up as an ordered outcome."""

from kubesim.recording.attempts import AttemptsOfRecording, latest_stories, story_of
from kubesim.recording.change import RECORDED, Change, Observer
from kubesim.recording.facts import condition, counters, facts, pod_state
from kubesim.recording.names import Names
from kubesim.recording.outcome import Entry, Moment, Outcome, Placement, Settled, ordered_outcome
from kubesim.recording.writer import ATTEMPT, ATTEMPT_SUMMARY, Lines, RecordingWriter, decode_lines, read_recording

__all__ = [
    "ATTEMPT",
    "ATTEMPT_SUMMARY",
    "AttemptsOfRecording",
    "RECORDED",
    "Change",
    "Entry",
    "Lines",
    "Moment",
    "Names",
    "Observer",
    "Outcome",
    "Placement",
    "RecordingWriter",
    "Settled",
    "condition",
    "counters",
    "decode_lines",
    "facts",
    "latest_stories",
    "ordered_outcome",
    "pod_state",
    "read_recording",
    "story_of",
]
