using StableDiffusion.Building;

namespace StableDiffusion.Tests.Models;

/// <summary>The demo model, built once for all tests of a class.</summary>
public sealed class BuiltDemoModel : IDisposable
{
    private readonly TemporaryFolder _cache = new();

    public BuiltDemoModel() => Folder = ModelBuilder.Build(DiffusersFolder.Find(Repository.DemoModel), _cache.Path);

    public string Folder { get; }

    public void Dispose() => _cache.Dispose();
}
