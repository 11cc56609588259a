// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {GweiSum, Wei, WEI_PER_GWEI} from "../types/Units.sol";

/// @title Vouchers: signed promises, and settling many of them at once
/// @notice Rules only. Market.sol checks signatures, reads the clock and keeps the accounts.
/// @dev Invariants, each tested by name in test/contracts/Market.invariants.t.sol:
///      INV6 redeemed(from, to) never exceeds the highest signed cumulative and never falls. Signed is a voucher by `from`, or a
///           statement that retires it by `to`: only `to` loses by retiring more than it was promised.
///      INV7 a statement moves money, it makes and ends none: the deltas sum to zero.
library Vouchers {
    error VoucherSpent(GweiSum redeemed, GweiSum cumulative);
    error NetAccountsNotAscending(address account, address next);
    error NetSumNotZero(int256 sum);
    error NetRetiredFalls(address from, address to, GweiSum redeemed, GweiSum cumulative);
    error NetConsentMissing(address account);
    error NetEmpty();

    /// @notice Count what a voucher pays: the rest of the promise, or as much of it as the balance covers.
    /// @param balance wei that `from` has; what is below a gwei stays
    /// @return paid gwei to move; the rest of the promise stays open
    function redeem(
        mapping(address from => mapping(address to => GweiSum)) storage redeemed,
        IMarket.Voucher calldata voucher,
        Wei balance
    ) internal returns (GweiSum paid) {
        GweiSum before = redeemed[voucher.from][voucher.to];
        if (!(before < voucher.cumulative)) revert VoucherSpent(before, voucher.cumulative);
        paid = voucher.cumulative - before;
        uint256 covered = Wei.unwrap(balance) / WEI_PER_GWEI;
        if (covered < GweiSum.unwrap(paid)) paid = GweiSum.wrap(uint128(covered));
        redeemed[voucher.from][voucher.to] = before + paid; // INV6: at most the cumulative, at least what it was
    }

    /// @notice Count a promise as kept up to a sum: what was not paid by voucher is in the statement's deltas.
    function retire(
        mapping(address from => mapping(address to => GweiSum)) storage redeemed,
        IMarket.Retired calldata it
    ) internal {
        GweiSum before = redeemed[it.from][it.to];
        if (it.cumulative < before) {
            revert NetRetiredFalls(it.from, it.to, before, it.cumulative);
        }
        redeemed[it.from][it.to] = it.cumulative; // INV6
    }

    /// @notice Refuse a statement whose accounts are not strictly ascending or whose deltas do not sum to zero.
    function assertBalanced(IMarket.Delta[] calldata deltas, IMarket.Retired[] calldata retired) internal pure {
        if (deltas.length == 0 && retired.length == 0) revert NetEmpty();
        int256 sum;
        for (uint256 i = 0; i < deltas.length; ++i) {
            if (i > 0 && deltas[i - 1].account >= deltas[i].account) {
                revert NetAccountsNotAscending(deltas[i - 1].account, deltas[i].account);
            }
            sum += deltas[i].amount; // each below 2^127: no array of them overflows 256 bits
        }
        if (sum != 0) revert NetSumNotZero(sum); // INV7
    }

    /// @notice Refuse a statement to which someone who loses by it did not consent.
    /// @dev INV5: every account with a negative delta, and everyone whose claim is retired.
    function assertConsented(
        IMarket.NetStatement calldata statement,
        IMarket.Consent[] calldata consents
    ) internal pure {
        for (uint256 i = 0; i < statement.deltas.length; ++i) {
            if (statement.deltas[i].amount < 0) _assertAmong(consents, statement.deltas[i].account);
        }
        for (uint256 i = 0; i < statement.retired.length; ++i) _assertAmong(consents, statement.retired[i].to);
    }

    /// A binary search: the consents are strictly ascending.
    function _assertAmong(IMarket.Consent[] calldata consents, address account) private pure {
        uint256 low = 0;
        uint256 high = consents.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (consents[middle].signer < account) low = middle + 1;
            else high = middle;
        }
        if (low == consents.length || consents[low].signer != account) revert NetConsentMissing(account);
    }
}
