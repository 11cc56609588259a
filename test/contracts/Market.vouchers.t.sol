// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {Accounts} from "../../contracts/libraries/Accounts.sol";
import {Vouchers} from "../../contracts/libraries/Vouchers.sol";
import {BountyId, GweiSum, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {MarketFace, deployMarket} from "./Deploy.sol";
import {Stage} from "./Stage.sol";
import {SignerWallet} from "./mocks/SignerWallet.sol";

/// Promises: paid once, as far as they go, by nobody's word but their signer's.
contract MarketVouchersTest is Stage {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    // --- redeem

    function test_a_voucher_pays_what_was_not_paid_before() public {
        redeemFor(700);
        vm.assertEq(balanceOf(steward), 700e9, "first");
        redeemFor(1_000);
        vm.assertEq(balanceOf(steward), 1_000e9, "the difference");
        vm.assertEq(balanceOf(uploader), FUNDS - 1_000e9, "by the signer");
        vm.assertEq(GweiSum.unwrap(market.redeemed(uploader, steward)), 1_000, "redeemed");
    }

    function test_a_voucher_that_is_not_covered_pays_what_is_there_and_the_rest_stays_open() public {
        uint128 cumulative = uint128(FUNDS / 1e9) + 5;
        IMarket.Voucher memory voucher = aVoucher(uploader, steward, cumulative);
        bytes memory signature = signVoucher(UPLOADER_KEY, voucher);
        market.redeem(voucher, signature);
        vm.assertEq(balanceOf(uploader), 0, "all of it");
        market.redeem(voucher, signature); // nothing there: nothing paid, nothing lost
        fund(uploader, 1 ether);
        market.redeem(voucher, signature);
        vm.assertEq(balanceOf(steward), FUNDS + 5e9, "the rest");
        vm.expectRevert(
            abi.encodeWithSelector(
                Vouchers.VoucherSpent.selector,
                GweiSum.wrap(cumulative),
                GweiSum.wrap(cumulative)
            )
        );
        market.redeem(voucher, signature);
    }

    function testFuzz_a_voucher_replayed_or_lowered_pays_nothing(uint64 first, uint64 second) public {
        first = 1 + (first % 1_000_000);
        second %= first + 1;
        redeemFor(first);
        IMarket.Voucher memory voucher = aVoucher(uploader, steward, second);
        bytes memory signature = signVoucher(UPLOADER_KEY, voucher);
        vm.expectRevert(
            abi.encodeWithSelector(Vouchers.VoucherSpent.selector, GweiSum.wrap(first), GweiSum.wrap(second))
        );
        market.redeem(voucher, signature);
    }

    function testFuzz_vouchers_in_any_order_pay_the_highest_once(uint64[5] calldata sums) public {
        uint64 highest = 0;
        for (uint256 i = 0; i < sums.length; ++i) {
            uint64 sum = sums[i] % 1e9;
            IMarket.Voucher memory voucher = aVoucher(uploader, steward, sum);
            try market.redeem(voucher, signVoucher(UPLOADER_KEY, voucher)) {
                vm.assertTrue(sum > highest, "only a higher one pays");
            } catch {}
            if (sum > highest) highest = sum;
            vm.assertEq(balanceOf(steward), inWei(highest), "the highest");
        }
    }

    function test_a_voucher_of_another_key_chain_or_market_is_refused() public {
        IMarket.Voucher memory voucher = aVoucher(uploader, steward, 700);
        expectNotSigned(voucher, signVoucher(STEWARD_KEY, voucher));
        expectNotSigned(voucher, sign(UPLOADER_KEY, voucherDigestAt(1, address(market), voucher)));
        expectNotSigned(voucher, sign(UPLOADER_KEY, voucherDigestAt(block.chainid, address(token), voucher)));
        expectNotSigned(voucher, "");
        // signed for somebody else, or for less
        expectNotSigned(voucher, signVoucher(UPLOADER_KEY, aVoucher(uploader, other, 700)));
        expectNotSigned(voucher, signVoucher(UPLOADER_KEY, aVoucher(uploader, steward, 699)));
        // nobody has no key
        voucher.from = address(0);
        expectNotSigned(voucher, new bytes(65));

        MarketFace there = deployMarket(address(token), FLOOR);
        IMarket.Voucher memory good = aVoucher(uploader, steward, 700);
        bytes memory signature = signVoucher(UPLOADER_KEY, good);
        vm.expectRevert(abi.encodeWithSelector(IMarket.VoucherNotSigned.selector, uploader));
        there.redeem(good, signature);
    }

    function test_the_other_form_of_a_signature_is_refused() public {
        IMarket.Voucher memory voucher = aVoucher(uploader, steward, 700);
        bytes32 digest = voucherDigestAt(block.chainid, address(market), voucher);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(UPLOADER_KEY, digest);
        bytes memory malleated = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        expectNotSigned(voucher, malleated);
    }

    /// A wallet that is a contract promises by its own rule (ERC-1271).
    function test_a_contract_signs_vouchers() public {
        SignerWallet wallet = new SignerWallet(other);
        fund(address(wallet), 1 ether);
        IMarket.Voucher memory voucher = aVoucher(address(wallet), steward, 700);
        expectNotSigned(voucher, signVoucher(STEWARD_KEY, voucher));
        market.redeem(voucher, signVoucher(OTHER_KEY, voucher));
        vm.assertEq(balanceOf(steward), 700e9, "paid");
    }

    /// A steward with an empty wallet: a stranger sends its sweep and is paid from it, in one transaction.
    function test_a_relayed_sweep_pays_its_relayer_in_the_same_transaction() public {
        aBoundBounty();
        IMarket.Voucher memory voucher = aVoucher(steward, other, 100);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(
            IMarket.sweep,
            (steward, aGroup(uploader, DEADLINE, false, signClaim(CLAIM_KEY, steward, DEADLINE)))
        );
        calls[1] = abi.encodeCall(IMarket.redeem, (voucher, signVoucher(STEWARD_KEY, voucher)));
        vm.prank(other);
        market.multicall(calls);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT) - 100e9, "the steward");
        vm.assertEq(balanceOf(other), 100e9, "the relayer");
    }

    /// A contract cannot be a claim key: its sweep is nobody's signature.
    function test_a_sweep_is_never_signed_by_a_contract() public {
        SignerWallet wallet = new SignerWallet(other);
        BountyId id = aBounty(uploader, steward, address(wallet), DEADLINE);
        IMarket.Signature memory claim = signClaim(OTHER_KEY, steward, DEADLINE);
        market.sweep(steward, aGroup(uploader, DEADLINE, false, claim));
        vm.assertTrue(isOpen(id), "open");
    }

    // --- settle

    function test_a_statement_moves_what_it_says_and_retires_the_promises() public {
        fund(steward, 10e9);
        IMarket.NetStatement memory it = threeInARing();
        market.settle(it, consentsOf(it));
        vm.assertEq(balanceOf(uploader), FUNDS - 5e9, "uploader");
        vm.assertEq(balanceOf(steward), 8e9, "steward");
        vm.assertEq(balanceOf(other), 7e9, "other");
        vm.assertEq(GweiSum.unwrap(market.redeemed(uploader, other)), 40, "retired");
        vm.assertTrue(market.settled(netDigest(it)), "settled");

        // what was retired does not pay again; what was promised since does
        IMarket.Voucher memory old = aVoucher(uploader, other, 40);
        bytes memory signature = signVoucher(UPLOADER_KEY, old);
        vm.expectRevert(abi.encodeWithSelector(Vouchers.VoucherSpent.selector, GweiSum.wrap(40), GweiSum.wrap(40)));
        market.redeem(old, signature);
        IMarket.Voucher memory newer = aVoucher(uploader, other, 41);
        market.redeem(newer, signVoucher(UPLOADER_KEY, newer));
        vm.assertEq(balanceOf(other), 8e9, "one more");
    }

    function test_a_statement_is_settled_once() public {
        fund(steward, 10e9);
        IMarket.NetStatement memory it = threeInARing();
        market.settle(it, consentsOf(it));
        IMarket.Consent[] memory consents = consentsOf(it);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NetSettledBefore.selector, netDigest(it)));
        market.settle(it, consents);
    }

    function test_a_statement_expires() public {
        fund(steward, 10e9);
        IMarket.NetStatement memory it = threeInARing();
        IMarket.Consent[] memory consents = consentsOf(it);
        vm.warp(UnixTime.unwrap(it.expires) + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMarket.NetExpired.selector,
                it.expires,
                UnixTime.wrap(UnixTime.unwrap(it.expires) + 1)
            )
        );
        market.settle(it, consents);
        vm.warp(UnixTime.unwrap(it.expires));
        market.settle(it, consents); // the last second counts
    }

    function test_who_pays_and_whose_claim_ends_must_sign() public {
        fund(steward, 10e9);
        IMarket.NetStatement memory it = threeInARing();
        IMarket.Consent[] memory all = consentsOf(it);
        // uploader and steward pay, other's claim is retired: each is missed
        for (uint256 gone = 0; gone < all.length; ++gone) {
            IMarket.Consent[] memory some = new IMarket.Consent[](all.length - 1);
            for (uint256 i = 0; i < some.length; ++i) some[i] = all[i < gone ? i : i + 1];
            vm.expectRevert(abi.encodeWithSelector(Vouchers.NetConsentMissing.selector, all[gone].signer));
            market.settle(it, some);

            IMarket.Consent[] memory forged = consentsOf(it);
            forged[gone].signature = forged[(gone + 1) % all.length].signature;
            vm.expectRevert(abi.encodeWithSelector(IMarket.NetConsentNotSigned.selector, all[gone].signer));
            market.settle(it, forged);
        }
    }

    function test_consents_for_another_market_or_chain_are_refused() public {
        fund(steward, 10e9);
        IMarket.NetStatement memory it = threeInARing();
        bytes32[2] memory elsewhere = [
            netDigestAt(1, address(market), it),
            netDigestAt(block.chainid, address(token), it)
        ];
        for (uint256 i = 0; i < elsewhere.length; ++i) {
            IMarket.Consent[] memory consents = consentsOver(elsewhere[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NetConsentNotSigned.selector, consents[0].signer));
            market.settle(it, consents);
        }
    }

    function test_signers_and_accounts_must_ascend() public {
        fund(steward, 10e9);
        IMarket.NetStatement memory it = threeInARing();
        IMarket.Consent[] memory consents = consentsOf(it);
        IMarket.Consent[] memory doubled = new IMarket.Consent[](4);
        for (uint256 i = 0; i < 4; ++i) doubled[i] = consents[i == 0 ? 0 : i - 1];
        vm.expectRevert(
            abi.encodeWithSelector(
                IMarket.NetSignersNotAscending.selector,
                consents[0].signer,
                consents[0].signer
            )
        );
        market.settle(it, doubled);

        (it.deltas[0], it.deltas[1]) = (it.deltas[1], it.deltas[0]);
        consents = consentsOf(it);
        vm.expectRevert(
            abi.encodeWithSelector(
                Vouchers.NetAccountsNotAscending.selector,
                it.deltas[0].account,
                it.deltas[1].account
            )
        );
        market.settle(it, consents);
        it.deltas[0] = it.deltas[1]; // one account twice
        consents = consentsOf(it);
        vm.expectRevert(
            abi.encodeWithSelector(
                Vouchers.NetAccountsNotAscending.selector,
                it.deltas[0].account,
                it.deltas[1].account
            )
        );
        market.settle(it, consents);
    }

    function testFuzz_a_statement_that_makes_or_ends_money_is_refused(int64 more) public {
        vm.assume(more != 0);
        fund(steward, 10e9);
        IMarket.NetStatement memory it = threeInARing();
        it.deltas[2].amount += more;
        IMarket.Consent[] memory consents = consentsOf(it);
        vm.expectRevert(abi.encodeWithSelector(Vouchers.NetSumNotZero.selector, int256(more)));
        market.settle(it, consents);
    }

    function test_extreme_deltas_neither_wrap_nor_pay() public {
        IMarket.NetStatement memory it = threeInARing();
        it.deltas[0].amount = type(int128).min;
        it.deltas[1].amount = type(int128).max;
        it.deltas[2].amount = 1;
        IMarket.Consent[] memory consents = consentsOf(it);
        vm.expectRevert(
            abi.encodeWithSelector(
                Accounts.BalanceTooSmall.selector,
                Wei.wrap(2 ** 127 * 1e9),
                market.balances(it.deltas[0].account)
            )
        );
        market.settle(it, consents);
    }

    function test_a_statement_that_is_not_covered_moves_nothing() public {
        IMarket.NetStatement memory it = threeInARing(); // the steward has nothing
        IMarket.Consent[] memory consents = consentsOf(it);
        vm.expectRevert(
            abi.encodeWithSelector(Accounts.BalanceTooSmall.selector, Wei.wrap(2e9), Wei.wrap(0))
        );
        market.settle(it, consents);
        vm.assertEq(balanceOf(uploader), FUNDS, "nothing");
    }

    function test_retiring_less_than_was_paid_is_refused() public {
        fund(steward, 10e9);
        IMarket.Voucher memory voucher = aVoucher(uploader, other, 41);
        market.redeem(voucher, signVoucher(UPLOADER_KEY, voucher));
        IMarket.NetStatement memory it = threeInARing();
        IMarket.Consent[] memory consents = consentsOf(it);
        vm.expectRevert(
            abi.encodeWithSelector(
                Vouchers.NetRetiredFalls.selector,
                uploader,
                other,
                GweiSum.wrap(41),
                GweiSum.wrap(40)
            )
        );
        market.settle(it, consents);
    }

    function test_an_empty_statement_is_refused() public {
        IMarket.NetStatement memory it;
        it.expires = UnixTime.wrap(DEADLINE);
        vm.expectRevert(Vouchers.NetEmpty.selector);
        market.settle(it, new IMarket.Consent[](0));
    }

    function test_a_contract_consents_to_statements() public {
        SignerWallet wallet = new SignerWallet(other);
        fund(address(wallet), 1 ether);
        IMarket.NetStatement memory it;
        it.deltas = new IMarket.Delta[](2);
        bool isFirst = address(wallet) < steward;
        it.deltas[isFirst ? 0 : 1] = IMarket.Delta(address(wallet), -5);
        it.deltas[isFirst ? 1 : 0] = IMarket.Delta(steward, 5);
        it.expires = UnixTime.wrap(DEADLINE);
        IMarket.Consent[] memory consents = new IMarket.Consent[](1);
        consents[0] = IMarket.Consent(address(wallet), sign(OTHER_KEY, netDigest(it)));
        market.settle(it, consents);
        vm.assertEq(balanceOf(steward), 5e9, "paid");
    }

    // --- builders

    /// Uploader pays 5, steward pays 2, other gets 7; the uploader's promises to other count as kept up to 40.
    function threeInARing() private view returns (IMarket.NetStatement memory it) {
        address[3] memory people = ascending();
        it.deltas = new IMarket.Delta[](3);
        for (uint256 i = 0; i < 3; ++i) {
            int128 amount = people[i] == uploader ? int128(-5) : people[i] == steward ? int128(-2) : int128(7);
            it.deltas[i] = IMarket.Delta(people[i], amount);
        }
        it.retired = new IMarket.Retired[](1);
        it.retired[0] = IMarket.Retired(uploader, other, GweiSum.wrap(40));
        it.salt = keccak256("salt");
        it.expires = UnixTime.wrap(DEADLINE);
    }

    function consentsOf(IMarket.NetStatement memory it) private view returns (IMarket.Consent[] memory) {
        return consentsOver(netDigest(it));
    }

    function consentsOver(bytes32 digest) private view returns (IMarket.Consent[] memory consents) {
        address[3] memory people = ascending();
        consents = new IMarket.Consent[](3);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 key = people[i] == uploader ? UPLOADER_KEY : people[i] == steward ? STEWARD_KEY : OTHER_KEY;
            consents[i] = IMarket.Consent(people[i], sign(key, digest));
        }
    }

    function ascending() private view returns (address[3] memory people) {
        people = [uploader, steward, other];
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 j = 0; j < 2 - i; ++j) {
                if (people[j] > people[j + 1]) (people[j], people[j + 1]) = (people[j + 1], people[j]);
            }
        }
    }

    function redeemFor(uint128 cumulative) private {
        IMarket.Voucher memory voucher = aVoucher(uploader, steward, cumulative);
        market.redeem(voucher, signVoucher(UPLOADER_KEY, voucher)); // by a stranger: anyone may submit it
    }

    function expectNotSigned(IMarket.Voucher memory voucher, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.VoucherNotSigned.selector, voucher.from));
        market.redeem(voucher, signature);
    }
}
