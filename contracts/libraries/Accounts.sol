// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Wei} from "../types/Units.sol";

/// @title Accounts: what the market owes to whom
/// @notice Rules only. Market.sol moves the tokens and says who is calling.
/// @dev Balances are in wei: a deposit of any size, also what a charging token leaves of it, can be drawn again to the last wei.
///      INV5 own: only a call of the owner, or a signature of it, lowers a balance. `debit` is called with msg.sender only.
///      INV11 free: no entry depends on another account's, so no call can lock another's withdrawal.
library Accounts {
    error BalanceTooSmall(Wei expected, Wei balance);

    function credit(mapping(address account => Wei) storage balances, address account, Wei amount) internal {
        balances[account] = balances[account] + amount;
    }

    function debit(mapping(address account => Wei) storage balances, address account, Wei amount) internal {
        Wei balance = balances[account];
        if (balance < amount) revert BalanceTooSmall(amount, balance);
        balances[account] = balance - amount;
    }
}
