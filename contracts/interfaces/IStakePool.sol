// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Gwei, UnixTime, Wei} from "../types/Units.sol";

/// @title IStakePool: what stands behind promises, and what it earns
/// @notice Stakes and bonds earn alike. A stake is free; a bond answers for the placements its owner signed as a steward.
interface IStakePool {
    /// A term sheet that uploader and steward both signed. The type is exact (protocol.md 5).
    struct Placement {
        address uploader;
        address steward;
        bytes32 blobId;
        uint64 length;
        uint128 price;
        uint128 egressPrice;
        uint64 egressFree;
        UnixTime start;
        UnixTime end;
        uint32 grace;
        Gwei bond; // the most that can be taken for this placement
        bytes32 answersRoot;
        bytes32 tokenHash;
        bytes32 advert;
        UnixTime offerUntil;
        uint32 version;
    }

    /// What an account has in the pool.
    struct Holding {
        Wei staked;
        Wei bonded;
        Wei pending; // rewards, and repair costs awarded to it, to be claimed
        Wei leaving; // what was unstaked or unbonded and not withdrawn yet
        Wei held; // of its bonds, what open cases hold
    }

    /// Tokens on their way out.
    struct Exit {
        uint128 amount; // wei
        UnixTime ready; // first second in which it can be withdrawn
        bool bonded; // still answers for placements
    }

    /// A proposal to take a bond. Its id is the digest of the placement.
    struct Case {
        address agent;
        address manager;
        address uploader;
        Gwei amount; // held; zero: no case is open
        Gwei repairCost; // as the manager states it
        UnixTime executableFrom;
    }

    event Poked(Wei minted, Wei supply);
    event FeesTaken(Wei amount, Wei burned);
    event Staked(address indexed account, Wei amount);
    event Bonded(address indexed account, Wei amount);
    /// A bond that leaves makes every placement with its owner due at once (market.md).
    event Unbonding(address indexed account, Wei amount, UnixTime ready);
    event Unstaking(address indexed account, Wei amount, UnixTime ready);
    event Withdrawn(address indexed account, address indexed to, Wei amount);
    event Claimed(address indexed account, address indexed to, Wei amount);
    event CaseProposed(
        bytes32 indexed id,
        address indexed agent,
        address indexed manager,
        Gwei amount,
        Gwei repairCost,
        bytes32 evidenceHash,
        UnixTime executableFrom
    );
    event CaseVetoed(bytes32 indexed id, address indexed by);
    event CaseExecuted(bytes32 indexed id, address indexed uploader, Wei paid, Wei burned);
    event CaseLapsed(bytes32 indexed id);

    error StakeMarketTaken(address market, address caller);
    error StakeKappaOutside(uint256 least, uint256 most, uint256 kappa);
    error StakeAmountZero();
    error StakeToNobody(address to);

    /// @notice Take the place of the market. Called by its constructor, once.
    function joinAsMarket() external;

    /// @notice Mint what the supply grew since the last time, for the stakers. Anyone may call it at any time.
    function poke() external;

    /// @notice Give what lies here above the accounts to the stakers; burn it while nobody stakes.
    function takeFees() external;

    /// @notice Put tokens into the caller's stake.
    /// @param amount wei; what is there afterwards must reach the minimum
    function stake(Wei amount) external;

    /// @notice Make part of the caller's stake a bond.
    function bond(Wei amount) external;

    /// @notice Take tokens out of the caller's stake. They earn nothing from here on and can be withdrawn in 21 days.
    function unstake(Wei amount) external;

    /// @notice Take tokens out of the caller's bond. For 21 days they earn nothing and still answer for its placements.
    function unbond(Wei amount) external;

    /// @notice Draw all that has finished leaving.
    function withdraw(address to) external;

    /// @notice Draw all rewards, and all repair costs awarded.
    function claim(address to) external;

    /// @notice Open a case against a steward, by its own manager. What it claims is held from here on.
    /// @param amount gwei, at most the placement's bond
    /// @param repairCost gwei: what making the blob again costs the uploader
    /// @param uploaderSignature of the placement by its uploader, ERC-1271 included
    /// @param stewardSignature of the placement by its steward, ERC-1271 included
    /// @param evidenceHash of the verdict that this rests on
    function propose(
        Placement calldata placement,
        Gwei amount,
        Gwei repairCost,
        bytes calldata uploaderSignature,
        bytes calldata stewardSignature,
        bytes32 evidenceHash
    ) external;

    /// @notice End a case, by the master or any manager but the one who proposed it. What was held is a bond again.
    function veto(bytes32 id) external;

    /// @notice Carry out a case that stood for 48 hours without a veto. Anyone may call it, for 14 days.
    function execute(bytes32 id) external;

    /// @notice End a case that nobody carried out in time.
    function lapse(bytes32 id) external;

    /// @notice Whether somebody stakes: then fees are paid out, and burned otherwise.
    function takesFees() external view returns (bool);

    /// @notice What an account has, rewards up to the last poke included.
    function holdingOf(address account) external view returns (Holding memory);

    /// @notice What is on its way out, oldest first.
    function exitsOf(address account) external view returns (Exit[] memory);

    /// @notice An open case; all zero when there is none under this id.
    function caseOf(bytes32 id) external view returns (Case memory);

    /// @notice Whether a placement has had its case.
    function wasOpened(bytes32 id) external view returns (bool);

    /// @notice Stakes and bonds that earn. Wei.
    function totalEarning() external view returns (Wei);

    /// @notice All bonds, those that leave and those that are held included. Wei.
    function totalBonds() external view returns (Wei);
}
