# SPDX-License-Identifier: Apache-2.0
"""What this SDK raises: always from a constructor that cannot work; from anything else in strict mode alone."""


class OvpoError(Exception):
    """The base of all of them."""


class ConfigurationError(OvpoError, ValueError):
    """An argument or a variable with which no client can be made; names it and what it takes."""


class InvalidTelemetryError(OvpoError, ValueError):
    """Something handed in that breaks the telemetry contract; names it and what to change."""


class DeliveryError(OvpoError):
    """Strict mode: telemetry was not delivered, was refused by the collector, or had to be dropped."""
