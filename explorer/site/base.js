// The registry: data comes as classic scripts that call cnbudget.put, because browsers open no other files from disk.
"use strict";

/**
 * @typedef {Record<string, any>} Row
 */

const cnbudget = (() => {
  /** @type {Map<string, any>} */
  const values = new Map();
  /** @type {Map<string, Promise<any>>} */
  const loading = new Map();
  const { root = "", page = "", slug = "", version = "" } = document.documentElement.dataset;

  /**
   * Register a value; data scripts call it.
   * @param {string} name
   * @param {any} value
   */
  function put(name, value) {
    values.set(name, value);
  }

  /**
   * A value that was registered by a script of the page itself.
   * @param {string} name
   * @returns {any}
   */
  function get(name) {
    return values.get(name);
  }

  /**
   * The value of a data script, fetched once. `digest` keeps caches from giving an older one.
   * @param {string} name
   * @param {string} [digest]
   * @returns {Promise<any>}
   */
  function load(name, digest = "") {
    const known = loading.get(name);
    if (known) return known;
    const promise = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const path = name.startsWith("budgets/") ? name : `data/${name}`;
      script.src = `${root}${path}.js${digest && `?v=${digest}`}`;
      script.onload = () => {
        script.remove();
        if (values.has(name)) resolve(values.get(name));
        else reject(new Error(name));
      };
      script.onerror = () => {
        script.remove();
        loading.delete(name);
        reject(new Error(name));
      };
      document.head.append(script);
    });
    loading.set(name, promise);
    return promise;
  }

  return { root, page, slug, version, put, get, load };
})();
