import { defineSearchAttributeKey } from '@temporalio/common';
import { SEARCH_ATTRIBUTE } from '../contracts/names';

export const TABLE = defineSearchAttributeKey(SEARCH_ATTRIBUTE.table.name, SEARCH_ATTRIBUTE.table.type);
export const PHASE = defineSearchAttributeKey(SEARCH_ATTRIBUTE.phase.name, SEARCH_ATTRIBUTE.phase.type);
export const NEEDS_APPROVAL = defineSearchAttributeKey(
  SEARCH_ATTRIBUTE.needsApproval.name,
  SEARCH_ATTRIBUTE.needsApproval.type,
);
