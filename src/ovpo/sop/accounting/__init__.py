# SPDX-License-Identifier: Apache-2.0
"""Whether what the rows say lies in the object store lies there, and whether all that lies there is some row's."""
