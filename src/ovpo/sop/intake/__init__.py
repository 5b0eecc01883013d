# SPDX-License-Identifier: Apache-2.0
"""How videos come in: from a watched folder or prefix, or through the API; named, hashed, stored, probed, receipted."""
