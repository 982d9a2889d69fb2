using StableDiffusion.Building;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The folders of the reference's tiny SDXL and of models made from the references; each is built once.</summary>
public sealed class SmallModels : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private string? _large;
    private string? _refiner;
    private string? _edit;

    public string Large => _large ??= Build(FamilyReference.Find("sdxl", "sdxl-tiny.safetensors"));

    public string Refiner => _refiner ??= Build(SmallRefiner.Write, "refiner.safetensors");

    /// <summary>A model that edits pictures by instructions.</summary>
    public string Edit => _edit ??= Build(SmallEditModel.Write, "edit.safetensors");

    public void Dispose() => _folder.Dispose();

    private string Build(Action<string> write, string file)
    {
        write(_folder[file]);
        return Build(_folder[file]);
    }

    private string Build(string file) => ModelBuilder.Build(new CheckpointSource(file, new ImportOptions()), _folder["cache"], null, TestContext.Current.CancellationToken);
}
