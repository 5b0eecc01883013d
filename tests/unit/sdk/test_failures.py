# SPDX-License-Identifier: Apache-2.0
"""What an exception means for a run."""

import asyncio
import concurrent.futures
import subprocess

import msgspec
import pytest

from ovpo_sdk.failures import failure_of, status_of
from ovpo_sdk.kinds import FailureKind, TraceStatus
from ovpo_sdk.records import Failure
from ovpo_sdk.shaping.personal import redacted

K, S = FailureKind, TraceStatus


def named(name: str, *bases: type[BaseException]) -> type[BaseException]:
    made: type[BaseException] = type(name, bases or (Exception,), {})
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), K.OOM, S.FAILED),
        (RuntimeError("CUDA error: out of memory"), K.OOM, S.FAILED),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:75] DefaultCPUAllocator: not enough memory"), K.OOM, S.FAILED),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), K.OOM, S.FAILED),
        (MemoryError(), K.OOM, S.FAILED),
        (OSError(12, "Cannot allocate memory"), K.OOM, S.FAILED),
        (named("OutOfMemoryError", RuntimeError)("x"), K.OOM, S.FAILED),
        (named("AcceleratorError", RuntimeError)("CUDA error: out of memory"), K.OOM, S.FAILED),
        (TimeoutError("too slow"), K.TIMEOUT, S.TIMEOUT),
        (concurrent.futures.TimeoutError(), K.TIMEOUT, S.TIMEOUT),
        (subprocess.TimeoutExpired("ffmpeg", 3), K.TIMEOUT, S.TIMEOUT),
        (KeyboardInterrupt(), K.CANCELLED, S.CANCELLED),
        (asyncio.CancelledError(), K.CANCELLED, S.CANCELLED),
        (concurrent.futures.CancelledError(), K.CANCELLED, S.CANCELLED),
        (GeneratorExit(), K.CANCELLED, S.CANCELLED),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), K.HARDWARE_ERROR, S.FAILED),
        (RuntimeError("CUDA error: device-side assert triggered"), K.HARDWARE_ERROR, S.FAILED),
        (RuntimeError("uncorrectable ECC error encountered"), K.HARDWARE_ERROR, S.FAILED),
        (named("AcceleratorError", RuntimeError)("CUDA error: unspecified"), K.HARDWARE_ERROR, S.FAILED),
        (named("NVMLError_GpuIsLost")("GPU is lost"), K.HARDWARE_ERROR, S.FAILED),
        (named("ValidationError", ValueError)("steps"), K.VALIDATION_ERROR, S.FAILED),
        (named("RequestValidationError")("steps"), K.VALIDATION_ERROR, S.FAILED),
        (ValueError("the document is out of memory lane"), K.CRASH, S.FAILED),
        (ValueError("CUDA error is a fine band name"), K.CRASH, S.FAILED),
        (RuntimeError("SECCOMP"), K.CRASH, S.FAILED),
        (KeyError("x"), K.CRASH, S.FAILED),
        (SystemExit(3), K.CRASH, S.FAILED),
        (ExceptionGroup("both", [TimeoutError(), TimeoutError()]), K.TIMEOUT, S.TIMEOUT),
        (ExceptionGroup("both", [ValueError(), MemoryError()]), K.OOM, S.FAILED),
        (BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError()]), K.CRASH, S.FAILED),
    ],
)
def test_an_exception_is_known_for_what_it_is(error: BaseException, kind: FailureKind, status: TraceStatus) -> None:
    failure = failure_of(error, "decode")
    assert failure.kind is kind
    assert failure.retryable is (kind in {K.OOM, K.TIMEOUT, K.HARDWARE_ERROR})
    assert failure.stage == "decode"
    assert failure.message
    assert status_of(error) is status


@pytest.mark.parametrize("code", [0, None])
def test_leaving_the_program_without_a_fault_completes_the_run(code: int | None) -> None:
    assert status_of(SystemExit(code)) is TraceStatus.COMPLETED


def test_torch_out_of_memory_is_known_from_torch_itself() -> None:
    torch = pytest.importorskip("torch")
    assert failure_of(torch.OutOfMemoryError("CUDA out of memory"), None).kind is K.OOM
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert failure_of(caught.value, None).kind is K.OOM


def test_memory_is_the_cause_however_far_behind_it_lies() -> None:
    middle = raised(ValueError("decode failed"), raised(MemoryError()))
    assert failure_of(raised(RuntimeError("run failed"), middle), None).kind is K.OOM


def test_what_an_exception_was_cut_off_from_does_not_count() -> None:
    def cut_off() -> None:
        try:
            bytearray(2**62)
        except MemoryError:
            raise KeyError("another matter") from None

    with pytest.raises(KeyError) as caught:
        cut_off()
    assert failure_of(caught.value, None).kind is K.CRASH


def test_what_says_itself_what_it_is_is_not_judged_by_its_cause() -> None:
    assert failure_of(raised(TimeoutError("late"), raised(MemoryError())), None).kind is K.TIMEOUT


def test_exceptions_that_cause_one_another_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert failure_of(one, None).details == {"exception": "ValueError", "caused_by": ["ValueError"]}


def test_details_hold_where_it_was_without_folders_values_or_source() -> None:
    def inner(secret: str) -> None:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad") as caught:
        inner("hunter2")
    details = failure_of(caught.value, None).details
    assert details["exception"] == "ValueError"
    assert details["traceback"][-1] == {
        "file": "test_failures.py",
        "function": "inner",
        "line": inner.__code__.co_firstlineno + 1,
    }
    assert "hunter2" not in str(details)
    assert "/" not in str(details)


def test_of_a_deep_recursion_the_innermost_calls_are_kept() -> None:
    def deeper(level: int) -> None:
        if level == 0:
            raise KeyError("bottom")
        deeper(level - 1)

    with pytest.raises(KeyError) as caught:
        deeper(200)
    calls = failure_of(caught.value, None).details["traceback"]
    assert len(calls) == 16
    assert calls[-1]["line"] == deeper.__code__.co_firstlineno + 2


def test_texts_are_cleaned_before_they_are_cut() -> None:
    message = "x" * 2040 + " bob@example.com"
    failure = failure_of(ValueError(message), None, redacted)
    assert failure.message == "x" * 2040 + " [email]"


@pytest.mark.parametrize(
    "error",
    [ValueError("x" * 5000), ValueError("a\0b\ud800"), ValueError(), UnspeakableError(), SystemExit("so\0 long")],
)
def test_whatever_an_exception_says_the_failure_keeps_the_contract(error: BaseException) -> None:
    text = msgspec.json.encode(failure_of(error, "s" * 100))
    assert msgspec.json.decode(text, type=Failure).message
    assert b"\\u0000" not in text


def test_an_exception_is_named_with_its_module() -> None:
    assert failure_of(subprocess.TimeoutExpired("x", 1), None).details["exception"] == "subprocess.TimeoutExpired"
