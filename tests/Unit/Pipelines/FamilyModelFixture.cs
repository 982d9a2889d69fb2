using StableDiffusion.Running;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>A small model that all tests of a class share. The first to ask builds it.</summary>
public abstract class FamilyModelFixture : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private DiffusionModel? _model;

    internal DiffusionModel Model => _model ??= BuiltModel.Open(FindFile(_folder.Path), _folder.Path);

    private protected abstract string FindFile(string folder);

    public void Dispose()
    {
        _model?.Dispose();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The reference's inpainting model.</summary>
public sealed class InpaintingModel : FamilyModelFixture
{
    private protected override string FindFile(string folder) => FamilyReference.Find("sd1-inpaint", "sd1-inpaint-tiny.safetensors");
}

/// <summary>A model that edits pictures by instructions.</summary>
public sealed class EditModel : FamilyModelFixture
{
    private protected override string FindFile(string folder)
    {
        string file = Path.Combine(folder, "edit.safetensors");
        SmallEditModel.Write(file);
        return file;
    }
}
