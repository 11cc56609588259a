// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {BountyId, Gwei, GweiSum, UnixTime, Wei} from "../types/Units.sol";

/// @title IMarket: what the market does, and what it tells
/// @notice Money goes in and out in wei of HOLD; all that settles inside is gwei of HOLD.
interface IMarket {
    /// One bounty to post.
    struct Post {
        address claimKey; // address of the key that the stored bytes and the docket's nonces give
        Gwei amount; // gwei of HOLD, escrowed until swept or revoked
        bytes32 docketHash; // keccak256 of the docket
        bytes note; // the docket itself when it is small, else empty
    }

    /// A signature in the compact form of EIP-2098.
    struct Signature {
        bytes32 r;
        bytes32 vs;
    }

    /// Claims on bounties of one poster that share a deadline.
    struct Group {
        address poster;
        UnixTime deadline; // the one the signatures name; must be the bounty's
        bool open; // true: bounties posted with steward zero; false: bounties bound to the payee
        Signature[] claims; // Sweep(payee, deadline), each by the claim key of its bounty
    }

    /// A bounty its steward gives back before the time.
    /// The steward is named because the id contains it, and no signature over an id can be read before the id is known.
    struct Released {
        address claimKey;
        address steward;
        bytes signature; // Release(id, deadline), 65 bytes, by the steward
    }

    /// What `from` promised `to` in all since the beginning. Only the newest one counts.
    struct Voucher {
        address from;
        address to;
        GweiSum cumulative; // gwei of HOLD
    }

    /// What a statement changes in one balance.
    struct Delta {
        address account;
        int128 amount; // gwei of HOLD, negative for who pays
    }

    /// A promise that a statement settles.
    struct Retired {
        address from;
        address to;
        GweiSum cumulative; // gwei: up to here the promise counts as kept
    }

    /// What several accounts owe each other, settled at once.
    struct NetStatement {
        Delta[] deltas; // strictly ascending by account, summing to zero
        Retired[] retired;
        bytes32 salt;
        UnixTime expires; // last second in which it may be settled
    }

    /// One party's signature of a statement.
    struct Consent {
        address signer;
        bytes signature; // NetStatement, 65 bytes, or what the signer's own contract accepts (ERC-1271)
    }

    event Deposited(address indexed account, Wei amount);
    event Withdrawn(address indexed account, address indexed to, Wei amount);
    event Advertised(bytes32 indexed advertHash, address indexed uploader, Gwei value, Gwei fee);
    event BountyPosted(
        BountyId indexed id,
        address indexed steward,
        address indexed poster,
        address claimKey,
        Gwei amount,
        UnixTime deadline,
        bytes32 docketHash,
        bytes note
    );
    event BountySwept(BountyId indexed id, address indexed payee, Gwei amount);
    /// A claim that found nothing to take. `claimKey` is zero when the signature itself was none.
    event SweepMissed(address indexed claimKey, address indexed payee);
    event BountyRevoked(BountyId indexed id, Gwei amount);
    /// `paid` moved from one balance to the other; `redeemed` is what the promise paid in all.
    event Redeemed(address indexed from, address indexed to, GweiSum paid, GweiSum redeemed);
    event Settled(bytes32 indexed digest);
    /// One balance moved by a statement. Gwei.
    event Netted(bytes32 indexed digest, address indexed account, int128 amount);
    /// One promise settled by a statement.
    event PromiseRetired(bytes32 indexed digest, address indexed from, address indexed to, GweiSum cumulative);
    event Pointer(address indexed owner, bytes pointer);

    error PayeeMissing();
    error WithdrawToNobody(address to);
    error PointerTooLong(uint256 limit, uint256 length);
    error VoucherNotSigned(address from);
    error NetExpired(UnixTime expires, UnixTime moment);
    error NetSettledBefore(bytes32 digest);
    error NetSignersNotAscending(address signer, address next);
    error NetConsentNotSigned(address signer);
    error ReleaseByOther(BountyId id, address steward, address signer);

    /// @notice Put tokens into the caller's balance. What arrived is credited, whatever was asked for.
    /// @param amount wei
    function deposit(Wei amount) external;

    /// @notice `deposit` with an ERC-2612 permit. If somebody else already submitted the permit, the allowance it left serves.
    /// @param amount wei
    /// @param permitDeadline Unix time after which the permit is void
    function depositWithPermit(Wei amount, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Draw from the caller's balance.
    /// @param amount wei
    /// @param to who gets the tokens
    function withdraw(Wei amount, address to) external;

    /// @notice Announce demand. The fee leaves the caller's balance for the stakers; while nobody stakes it is burned.
    /// @param advertHash SHA-256 of the signed advert
    /// @param value gwei: at least bytes x reserve x term of the advert, or bidders refuse it
    function advertise(bytes32 advertHash, Gwei value) external;

    /// @notice Escrow bounties from the caller's balance, all or none.
    /// @param steward who alone may be paid; zero: whoever holds the bytes
    /// @param deadline last second in which a sweep counts
    function post(address steward, UnixTime deadline, Post[] calldata posts) external;

    /// @notice Pay the bounties whose claim keys signed for `payee`. Anyone may submit it.
    /// @param payee whose balance rises; for a bound bounty this is its steward or nothing happens
    function sweep(address payee, Group[] calldata groups) external;

    /// @notice Take back the caller's bounties that nobody swept in time, all or none.
    function revoke(BountyId[] calldata ids) external;

    /// @notice Take back the caller's bounties that their stewards released, at any time, all or none.
    function revokeReleased(Released[] calldata released) external;

    /// @notice Pay what a voucher promises beyond what was paid before, or as much of it as the balance of `from` covers; the
    ///         rest stays open. Anyone may submit it.
    /// @param signature Voucher, 65 bytes by `from`, or what `from`'s own contract accepts (ERC-1271)
    function redeem(Voucher calldata voucher, bytes calldata signature) external;

    /// @notice Move balances as a statement says, all or none. Anyone may submit it, once.
    /// @param consents strictly ascending by signer: everyone whose balance falls and everyone whose claim is retired
    function settle(NetStatement calldata statement, Consent[] calldata consents) external;

    /// @notice Publish where the newest backup of the caller lies.
    /// @param pointer at most 256 bytes, sealed by the owner
    function point(bytes calldata pointer) external;

    /// @notice What an account may draw or spend. Wei.
    function balances(address account) external view returns (Wei);

    /// @notice An open bounty; all zero when there is none under this id.
    function bounties(BountyId id) external view returns (address poster, Gwei amount, UnixTime deadline);

    /// @notice The id of a bounty, from whom and what it binds.
    function bountyId(address poster, address claimKey, address steward) external pure returns (BountyId);

    /// @notice What the promises of `from` to `to` have paid so far. Gwei.
    function redeemed(address from, address to) external view returns (GweiSum);

    /// @notice Whether a statement has been settled, by its digest.
    function settled(bytes32 digest) external view returns (bool);

    /// @notice Least fee of an advert. Gwei.
    function advertFloor() external view returns (Gwei);
}
