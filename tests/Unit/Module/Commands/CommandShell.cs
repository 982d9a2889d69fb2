namespace StableDiffusion.Tests.Module.Commands;

/// <summary>One runspace with the module for all tests of cmdlets, which run one after another.</summary>
public sealed class CommandShell : IDisposable
{
    internal ModuleShell Shell { get; } = new();

    public void Dispose() => Shell.Dispose();
}
