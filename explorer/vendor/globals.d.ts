// The bundled libraries, whose own types the few calls here do not need.
declare const d3: any;
