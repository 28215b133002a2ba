"""What the observers of events keep."""

from __future__ import annotations

from keeptune.events import Event, Notice, NoticeLog, StepDone


def notice(message: str) -> Notice:
    return Notice("kind", message)


def test_each_message_is_kept_once_and_passed_on_each_time() -> None:
    heard: list[Event] = []
    log = NoticeLog(heard.append)
    for message in ("a", "b", "a"):
        log(notice(message))
    assert log.messages == ["a", "b"]
    assert len(heard) == 3


def test_messages_from_a_place_on_are_written_until_the_folder_has_them() -> None:
    written: list[list[str]] = []
    ready = False

    def write(messages: list[str]) -> bool:
        written.append(list(messages))
        return ready

    log = NoticeLog(lambda _: None)
    log(notice("of each start"))
    log.keep(["of each start", "earlier"], write)
    assert log.messages == ["of each start", "earlier"]
    log(notice("now"))
    assert written == [["earlier", "now"]]
    ready = True
    step = StepDone(1, 2, 0.5, 1.0, 0.1, 1.0, 10.0, 1.0)
    for _ in range(3):
        log(step)
    assert written[1:] == [["earlier", "now"]], "again with the next event, and not after that"
    log(notice("later"))
    assert written[-1] == ["earlier", "now", "later"]
