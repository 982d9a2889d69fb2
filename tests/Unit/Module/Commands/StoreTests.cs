using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Base of the tests of cmdlets that have models of their own. The cache is that of all tests, some of which run meanwhile.</summary>
public abstract class StoreTests : CommandTests
{
    private readonly string? _before = Environment.GetEnvironmentVariable(StorageFolders.ModelsVariable);

    protected StoreTests(CommandShell fixture)
        : base(fixture) => Environment.SetEnvironmentVariable(StorageFolders.ModelsVariable, Folder["store"]);

    public override void Dispose()
    {
        ModelLibrary.Default.CloseModels();
        Environment.SetEnvironmentVariable(StorageFolders.ModelsVariable, _before);
        base.Dispose();
    }
}
