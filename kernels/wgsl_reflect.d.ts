// The package's Node entry does not load, so its module file is imported by name; its types stand under the package's own name.
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export * from 'wgsl_reflect';
}
