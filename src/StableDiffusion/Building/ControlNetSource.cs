using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Building;

/// <summary>A ControlNet: a diffusers folder with its config and weights, or a single file.</summary>
/// <param name="path">The full path of the folder or file.</param>
internal sealed class ControlNetSource(string path) : IModelSource
{
    private readonly string? _weights = Directory.Exists(path) ? FolderWeights.Find(path, FolderWeights.OtherStem) : null;

    public string Path => path;

    public string NamingFile => _weights ?? path;

    public string Options => $"{ModelParts.ControlNet}\n";

    public ModelPrecision Precision => ModelPrecision.Full;

    public IReadOnlyList<(string Name, string Path)> Inputs => _weights is null
        ? [(ModelParts.ControlNet, path)]
        : [(ModelParts.Config, ConfigPath), .. FolderWeights.Files(_weights).Select(file => (System.IO.Path.GetFileName(file), file))];

    private string ConfigPath => System.IO.Path.Combine(path, ModelParts.Config);

    public ModelContents Open()
    {
        if (_weights is not null)
        {
            byte[] config = ConfigFile.ReadBytes(ConfigPath);
            (IWeights weights, IDisposable opened) = FolderWeights.Open(_weights);
            return new ModelContents([new ModelNetwork(ModelParts.ControlNet, ConfigPath, config, weights)], [], [opened]);
        }

        ITensorFile file = TensorFile.Open(path);
        try
        {
            CheckpointPart part = ControlNetFile.Read(file);
            return new ModelContents([new ModelNetwork(ModelParts.ControlNet, path, CheckpointPart.ToJson(part.Config), part.Weights)], [], [file]);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
