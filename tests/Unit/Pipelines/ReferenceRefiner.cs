using System.Text;
using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Families.Keys;
using StableDiffusion.Networks;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>
/// The reference's tiny refiner: a U-Net of its own, whose heads are not those of published files, with the second text encoder and
/// the autoencoder of the tiny SDXL.
/// </summary>
internal sealed class ReferenceRefiner : IModelSource
{
    private const string Prefix = "model.diffusion_model.";

    private static readonly string s_large = FamilyReference.Find("sdxl", "sdxl-tiny.safetensors");
    private static readonly string s_config = FamilyReference.Find("sdxl-refiner", "unet", "config.json");

    public string Path { get; } = FamilyReference.Find("sdxl-refiner", "sdxl-refiner-tiny.safetensors");

    public string NamingFile => Path;

    public string Options => "refiner\n";

    public ModelPrecision Precision => ModelPrecision.Full;

    public IReadOnlyList<(string Name, string Path)> Inputs => [("unet", Path), ("config.json", s_config), ("others", s_large)];

    public ModelContents Open()
    {
        ModelContents large = new CheckpointSource(s_large, new ImportOptions()).Open();
        ITensorFile file = TensorFile.Open(Path);
        string[] names = [.. file.Tensors.Keys.Select(static key => key[Prefix.Length..])];
        UNetKeys keys = UNetKeys.For(names, Path);
        WeightMap map = new(file, []);
        foreach (string name in names)
            map.Add(keys.ToDiffusers(name), Prefix + name);
        ModelNetwork[] networks =
        [
            new(ModelParts.UNet, s_config, File.ReadAllBytes(s_config), map.ToWeights()),
            .. large.Networks.Where(static network => network.Name is ModelParts.TextEncoder2 or ModelParts.Vae),
        ];
        return new ModelContents(
            networks,
            [
                ("model_index.json", Encoding.UTF8.GetBytes("""{ "_class_name": "StableDiffusionXLImg2ImgPipeline", "requires_aesthetics_score": true, "force_zeros_for_empty_prompt": false }""")),
                .. large.Files.Where(static item => item.Path != "model_index.json" && !item.Path.StartsWith($"{ModelParts.Tokenizer}{System.IO.Path.DirectorySeparatorChar}", StringComparison.Ordinal)),
            ],
            [large, file]);
    }
}
