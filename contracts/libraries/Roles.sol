// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Level} from "../interfaces/IRegistrar.sol";

/// @title Roles: which work goes with which level
/// @notice Rules only. The bits are those of the handshake (protocol.md 7).
library Roles {
    uint32 internal constant REPOSITORY = 1;
    uint32 internal constant INDEX = 2;
    uint32 internal constant MONITOR = 4;
    uint32 internal constant MANAGER = 8;
    uint32 internal constant REGISTRAR = 16;

    /// @return the roles a member of this level may have; the master has none, it only appoints
    function allowedAt(Level level) internal pure returns (uint32) {
        if (level == Level.agent) return REPOSITORY | INDEX | MONITOR;
        if (level == Level.delegate) return MANAGER | REGISTRAR;
        return 0;
    }
}
