# SPDX-License-Identifier: Apache-2.0
"""ClickHouse: the client that everything uses, its migrations, and the embedded server in `server`."""
