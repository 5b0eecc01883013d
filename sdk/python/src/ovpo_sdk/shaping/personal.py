# SPDX-License-Identifier: Apache-2.0
"""What is to be done with personal data in a caller's texts; how it is found is the business of `findings`."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Literal

from ovpo_sdk.shaping.findings import Finding, Kind, found

Notice = Callable[[str], None]
"""Gets what was found where, and what to change; never the text. It is a notice, not a breach of the contract."""

Policy = Literal["redact", "warn", "allow"]
"""It is replaced and told of, sent and told of, or not looked for."""

_NAMES: Final = {
    Kind.EMAIL: "an e-mail address",
    Kind.PHONE: "a phone number",
    Kind.CARD: "a payment card number",
    Kind.SSN: "a US social security number",
}
_PASSES: Final = 4
"""What is replaced may have hidden something that touched it; nothing hides twice."""


class PersonalData:
    """Applies a policy to the texts of a caller."""

    __slots__ = ("_policy",)

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def clean(self, text: str, where: str, notice: Notice) -> str:
        """Give the text as it may be sent; `where` names it to the caller."""
        if self._policy == "allow":
            return text
        findings = found(text)
        if not findings:
            return text
        if self._policy == "warn":
            notice(f"{where} holds {_listed(findings)}, sent as it is; remove it, or set personal_data='redact'")
            return text
        notice(f"{where} holds {_listed(findings)}, replaced before sending; remove it from what is handed in")
        return redacted(text)

    def clean_tree(self, value: Any, where: str, notice: Notice) -> Any:
        """Give a copy of nested mappings and lists with every text in them, names included, as it may be sent.

        It takes what `configs` has shaped: JSON's types, no cycles, bounded depth.
        """
        if self._policy == "allow":
            return value
        if type(value) is str:
            return self.clean(value, where, notice)
        if type(value) is dict:
            return {
                self.clean(name, f"a name in {where}", notice): self.clean_tree(part, _below(where, name), notice)
                for name, part in value.items()
            }
        if type(value) is list:
            return [self.clean_tree(part, where, notice) for part in value]
        return value


def redacted(text: str) -> str:
    """Give the text with [email], [phone], [card] and [ssn] in the place of what was found."""
    for _ in range(_PASSES):
        findings = found(text)
        if not findings:
            break
        pieces: list[str] = []
        end = 0
        for finding in findings:
            pieces += (text[end : finding.start], f"[{finding.kind}]")
            end = finding.end
        text = "".join(pieces) + text[end:]
    return text


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if name.isidentifier() else f"an entry of {where}"


def _listed(findings: tuple[Finding, ...]) -> str:
    counts = Counter(finding.kind for finding in findings)
    return ", ".join(_NAMES[kind] + (f" ({count} times)" if count > 1 else "") for kind, count in counts.items())
