// Only what the charts use.
export { hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
export { sankey, sankeyLinkHorizontal } from "d3-sankey";
