using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>A ControlNet: a diffusers folder with its config and weights, or a single file.</summary>
internal sealed class ControlNetSource : IModelSource
{
    private readonly string? _weights;

    /// <summary>Finds a ControlNet's files.</summary>
    /// <param name="path">The full path of the folder or file.</param>
    /// <exception cref="ModelNotFoundException">The folder has no weights.</exception>
    /// <exception cref="ModelInvalidException">A file of the folder is a link that leads out of it.</exception>
    public ControlNetSource(string path)
    {
        Path = path;
        if (!Directory.Exists(path))
            return;

        FolderLinks.Check(path, ConfigPath);
        _weights = FolderWeights.Find(path, string.Empty, FolderWeights.OtherStem);
    }

    public string Path { get; }

    public string NamingFile => _weights ?? Path;

    public string Options => $"{ModelParts.ControlNet}\n";

    public ModelPrecision Precision => ModelPrecision.Full;

    public IReadOnlyList<(string Name, string Path)> Inputs => _weights is null
        ? [(ModelParts.ControlNet, Path)]
        : [(ModelParts.Config, ConfigPath), .. FolderWeights.Files(_weights).Select(file => (System.IO.Path.GetFileName(file), file))];

    private string ConfigPath => System.IO.Path.Combine(Path, ModelParts.Config);

    public ModelContents Open()
    {
        if (_weights is not null)
        {
            byte[] config = ConfigFile.ReadBytes(ConfigPath);
            (IWeights weights, IDisposable opened) = FolderWeights.Open(_weights);
            return new ModelContents([new ModelNetwork(ModelParts.ControlNet, ConfigPath, config, weights)], [], [opened]);
        }

        ITensorFile file = TensorFile.Open(Path);
        try
        {
            CheckpointPart part = ControlNetFile.Read(file);
            return new ModelContents([new ModelNetwork(ModelParts.ControlNet, Path, CheckpointPart.ToJson(part.Config), part.Weights)], [], [file]);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
