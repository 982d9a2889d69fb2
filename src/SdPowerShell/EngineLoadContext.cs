using System.Reflection;
using System.Runtime.Loader;

namespace SdPowerShell;

/// <summary>
/// Loads the engine and its dependencies in a load context of their own, so that its versions of ONNX Runtime, protobuf
/// and other libraries do not conflict with those of another module in the same session. One instance serves
/// the process, regardless of the number of imports and runspaces.
/// </summary>
internal sealed class EngineLoadContext : AssemblyLoadContext
{
    private const string EngineName = "StableDiffusion";

    private static readonly Lazy<EngineLoadContext> s_instance = new(() => new EngineLoadContext());
    private static int s_hooked;

    private readonly AssemblyDependencyResolver _resolver;

    private EngineLoadContext()
        : base(EngineName)
    {
        string moduleFolder = Path.GetDirectoryName(typeof(EngineLoadContext).Assembly.Location)!;
        _resolver = new AssemblyDependencyResolver(Path.Combine(moduleFolder, "engine", EngineName + ".dll"));
    }

    /// <summary>
    /// Resolves the engine from now on. The hook stays after <c>Remove-Module</c>: other runspaces may have the
    /// module too, and a disposed runspace does not report it.
    /// </summary>
    public static void Hook()
    {
        if (Interlocked.Exchange(ref s_hooked, 1) == 0)
            Default.Resolving += ResolveEngine;
    }

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName) =>
        _resolver.ResolveAssemblyToPath(assemblyName) is string path ? LoadFromAssemblyPath(path) : null;

    /// <inheritdoc/>
    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is string path ? LoadUnmanagedDllFromPath(path) : 0;

    private static Assembly? ResolveEngine(AssemblyLoadContext context, AssemblyName assemblyName) =>
        assemblyName.Name == EngineName ? s_instance.Value.LoadFromAssemblyName(assemblyName) : null;
}
