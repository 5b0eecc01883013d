# SPDX-License-Identifier: Apache-2.0
"""What is usual between honest retakes of a procedure, learnt from retakes or from the gold video made worse."""
