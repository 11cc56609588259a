// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IBurnable} from "./interfaces/IBurnable.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IStakePool} from "./interfaces/IStakePool.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Adverts} from "./libraries/Adverts.sol";
import {Bounties} from "./libraries/Bounties.sol";
import {SignedTypes} from "./libraries/SignedTypes.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {Vouchers} from "./libraries/Vouchers.sol";
import {BountySlot} from "./types/BountySlot.sol";
import {BountyId, Gwei, GweiSum, UnixTime, Wei} from "./types/Units.sol";

/// @title Market: one deposit per account, and the bounties that move inside it
/// @notice Checks signatures, reads the clock, keeps the accounts, moves the tokens. The rules are in libraries/. It has no
///         owner, and nobody can pause it.
/// @dev Tokens move only in deposit, withdraw and advertise; post, sweep and revoke call no other contract, redeem and settle
///      only ask signers that are contracts whether they signed, and cannot be changed by the answer.
///      INV1 solvent: token.balanceOf(this) >= sum of balances + sum of open bounties (in wei).
contract Market is IMarket, EIP712, Multicall, ReentrancyGuardTransient {
    using Accounts for mapping(address account => Wei);
    using Bounties for mapping(BountyId id => BountySlot);
    using Tokens for IBurnable;
    using Vouchers for mapping(address from => mapping(address to => GweiSum));

    /// @notice Longest backup pointer. Bytes. protocol.md 10.
    uint256 public constant POINTER_LIMIT = 256;

    /// @notice The money of this market, for ever.
    IBurnable public immutable token;
    /// @notice Who gets the fees for the stakers; zero: nobody, they are burned.
    IStakePool public immutable stakePool;
    /// @inheritdoc IMarket
    Gwei public immutable advertFloor;

    /// @inheritdoc IMarket
    mapping(address account => Wei) public balances;

    mapping(BountyId id => BountySlot) private _open;

    /// @inheritdoc IMarket
    mapping(address from => mapping(address to => GweiSum)) public redeemed;
    /// @inheritdoc IMarket
    mapping(bytes32 digest => bool) public settled;

    /// @param token_ HOLD
    /// @param stakePool_ of the same token; this market takes its place in it. Zero: none
    /// @param advertFloor_ least fee of an advert, gwei
    constructor(IBurnable token_, IStakePool stakePool_, Gwei advertFloor_) EIP712("Holdfast Market", "1") {
        token = token_;
        stakePool = stakePool_;
        advertFloor = advertFloor_;
        if (address(stakePool_) != address(0)) stakePool_.joinAsMarket();
    }

    /// @inheritdoc IMarket
    function deposit(Wei amount) external nonReentrant {
        _deposit(amount);
    }

    /// @inheritdoc IMarket
    function depositWithPermit(
        Wei amount,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        // Whoever sees the permit can submit it first; then it fails here, the allowance stands, and the deposit goes on.
        // A permit that is wrong leaves no allowance, and the transfer says so.
        try
            IERC20Permit(address(token)).permit(
                msg.sender,
                address(this),
                Wei.unwrap(amount),
                permitDeadline,
                v,
                r,
                s
            )
        {} catch {}
        _deposit(amount);
    }

    /// @inheritdoc IMarket
    function withdraw(Wei amount, address to) external nonReentrant {
        if (to == address(this) || to == address(0)) revert WithdrawToNobody(to);
        balances.debit(msg.sender, amount);
        token.push(to, amount);
        emit Withdrawn(msg.sender, to, amount);
    }

    /// @inheritdoc IMarket
    function advertise(bytes32 advertHash, Gwei value) external nonReentrant {
        Gwei fee = Adverts.feeOf(value, advertFloor);
        balances.debit(msg.sender, fee.toWei());
        if (address(stakePool) != address(0) && stakePool.takesFees()) {
            token.push(address(stakePool), fee.toWei());
            stakePool.takeFees();
        } else {
            token.burn(fee.toWei());
        }
        emit Advertised(advertHash, msg.sender, value, fee);
    }

    /// @inheritdoc IMarket
    function post(address steward, UnixTime deadline, Post[] calldata posts) external {
        Bounties.assertDeadline(deadline, _moment());
        Wei total;
        for (uint256 i = 0; i < posts.length; ++i) {
            Post calldata it = posts[i];
            BountyId id = Bounties.idOf(msg.sender, it.claimKey, steward);
            _open.put(id, msg.sender, it.claimKey, it.amount, deadline);
            total = total + it.amount.toWei();
            emit BountyPosted(id, steward, msg.sender, it.claimKey, it.amount, deadline, it.docketHash, it.note);
        }
        balances.debit(msg.sender, total);
    }

    /// @inheritdoc IMarket
    function sweep(address payee, Group[] calldata groups) external {
        if (payee == address(0)) revert PayeeMissing();
        Wei total;
        for (uint256 i = 0; i < groups.length; ++i) {
            total = total + _sweepGroup(payee, groups[i]);
        }
        // Drawn later by the payee: no call to a stranger inside a sweep.
        balances.credit(payee, total);
    }

    /// @inheritdoc IMarket
    function revoke(BountyId[] calldata ids) external {
        UnixTime moment = _moment();
        Wei total;
        for (uint256 i = 0; i < ids.length; ++i) {
            Gwei amount = _open.takeBack(ids[i], msg.sender, moment);
            total = total + amount.toWei();
            emit BountyRevoked(ids[i], amount);
        }
        balances.credit(msg.sender, total);
    }

    /// @inheritdoc IMarket
    function revokeReleased(Released[] calldata released) external {
        Wei total;
        for (uint256 i = 0; i < released.length; ++i) {
            Released calldata it = released[i];
            BountyId id = Bounties.idOf(msg.sender, it.claimKey, it.steward);
            UnixTime deadline = _open.deadlineOf(id);
            address signer = _recover(_hashTypedDataV4(SignedTypes.release(id, deadline)), it.signature);
            // A signature that is none recovers to zero, and zero is the steward of an open bounty: it releases nothing.
            if (signer != it.steward || signer == address(0)) revert ReleaseByOther(id, it.steward, signer);
            Gwei amount = _open.takeReleased(id);
            total = total + amount.toWei();
            emit BountyRevoked(id, amount);
        }
        balances.credit(msg.sender, total);
    }

    /// @inheritdoc IMarket
    function redeem(Voucher calldata voucher, bytes calldata signature) external {
        bytes32 digest = _hashTypedDataV4(SignedTypes.voucher(voucher));
        if (!SignatureChecker.isValidSignatureNowCalldata(voucher.from, digest, signature)) {
            revert VoucherNotSigned(voucher.from);
        }
        GweiSum paid = redeemed.redeem(voucher, balances[voucher.from]);
        balances.debit(voucher.from, paid.sumToWei());
        balances.credit(voucher.to, paid.sumToWei());
        emit Redeemed(voucher.from, voucher.to, paid, redeemed[voucher.from][voucher.to]);
    }

    /// @inheritdoc IMarket
    function settle(NetStatement calldata statement, Consent[] calldata consents) external {
        if (_moment() > statement.expires) revert NetExpired(statement.expires, _moment());
        Vouchers.assertBalanced(statement.deltas, statement.retired);
        Vouchers.assertConsented(statement, consents);
        bytes32 digest = _hashTypedDataV4(SignedTypes.netStatement(statement));
        if (settled[digest]) revert NetSettledBefore(digest);
        settled[digest] = true;
        _assertSigned(digest, consents);
        emit Settled(digest);
        for (uint256 i = 0; i < statement.retired.length; ++i) {
            Retired calldata it = statement.retired[i];
            redeemed.retire(it);
            emit PromiseRetired(digest, it.from, it.to, it.cumulative);
        }
        for (uint256 i = 0; i < statement.deltas.length; ++i) {
            Delta calldata it = statement.deltas[i];
            if (it.amount < 0) balances.debit(it.account, _gweiSum(-int256(it.amount)).sumToWei());
            else balances.credit(it.account, _gweiSum(it.amount).sumToWei());
            emit Netted(digest, it.account, it.amount);
        }
    }

    /// @inheritdoc IMarket
    function point(bytes calldata pointer) external {
        if (pointer.length > POINTER_LIMIT) revert PointerTooLong(POINTER_LIMIT, pointer.length);
        emit Pointer(msg.sender, pointer);
    }

    /// @inheritdoc IMarket
    function bounties(BountyId id) external view returns (address poster, Gwei amount, UnixTime deadline) {
        BountySlot slot = _open[id];
        return (slot.posterOf(), slot.amountOf(), slot.deadlineOf());
    }

    /// @inheritdoc IMarket
    function bountyId(address poster, address claimKey, address steward) external pure returns (BountyId) {
        return Bounties.idOf(poster, claimKey, steward);
    }

    function _deposit(Wei amount) private {
        Wei received = token.pull(msg.sender, amount);
        balances.credit(msg.sender, received);
        emit Deposited(msg.sender, received);
    }

    function _sweepGroup(address payee, Group calldata group) private returns (Wei total) {
        address poster = group.poster;
        UnixTime deadline = group.deadline;
        UnixTime moment = _moment();
        address steward = group.open ? address(0) : payee;
        bytes32 digest = _hashTypedDataV4(SignedTypes.sweep(payee, deadline));
        Signature[] calldata claims = group.claims;
        for (uint256 i = 0; i < claims.length; ++i) {
            // zero when the signature is none; no bounty has the key zero
            (address claimKey, , ) = ECDSA.tryRecover(digest, claims[i].r, claims[i].vs);
            BountyId id = Bounties.idOf(poster, claimKey, steward);
            Gwei amount = _open.take(id, deadline, moment);
            if (Gwei.unwrap(amount) == 0) {
                emit SweepMissed(claimKey, payee);
            } else {
                total = total + amount.toWei();
                emit BountySwept(id, payee, amount);
            }
        }
    }

    function _assertSigned(bytes32 digest, Consent[] calldata consents) private view {
        for (uint256 i = 0; i < consents.length; ++i) {
            address signer = consents[i].signer;
            if (i > 0 && consents[i - 1].signer >= signer) revert NetSignersNotAscending(consents[i - 1].signer, signer);
            if (!SignatureChecker.isValidSignatureNowCalldata(signer, digest, consents[i].signature)) {
                revert NetConsentNotSigned(signer);
            }
        }
    }

    /// @param amount of one delta: 0 to 2^127
    function _gweiSum(int256 amount) private pure returns (GweiSum) {
        return GweiSum.wrap(uint128(uint256(amount)));
    }

    /// @return signer zero when the 65 bytes are no signature: wrong length, high s, or v other than 27 and 28
    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address signer) {
        (signer, , ) = ECDSA.tryRecoverCalldata(digest, signature);
    }

    function _moment() private view returns (UnixTime) {
        return UnixTime.wrap(uint32(block.timestamp));
    }
}
