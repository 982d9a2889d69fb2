using System.Management.Automation;

namespace SdPowerShell;

/// <summary>Registers the resolver of the engine when PowerShell imports the module. The engine is loaded by the first cmdlet that runs.</summary>
/// <remarks>
/// PowerShell loads every exported type of this assembly before it calls <see cref="OnImport"/>, when the engine
/// cannot be found yet. So no public class here may need the engine for its layout: none derives from an engine class,
/// implements an engine interface, or has a field (an auto-property is one) of an engine enum or struct, nullable
/// or not. Fields of engine classes, arrays and generic classes are fine, and so are internal classes and lambdas.
/// A parameter of an engine enum keeps its value in an options object of the engine:
/// <code>
/// public Precision Precision { get => _options.Precision; set => _options.Precision = value; }
/// </code>
/// </remarks>
public sealed class ModuleInitializer : IModuleAssemblyInitializer
{
    /// <summary>Called by PowerShell at each import of the module into a runspace.</summary>
    public void OnImport() => EngineLoadContext.Hook();
}
