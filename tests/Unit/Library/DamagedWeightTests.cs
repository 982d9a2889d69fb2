using StableDiffusion.Building;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Families;

namespace StableDiffusion.Tests.Library;

/// <summary>Weights that no model has: the error names their file, and nothing is kept, without the test either.</summary>
public sealed class DamagedWeightTests : StoreCase
{
    private const string Damaged = "decoder.conv_in.weight";

    // Widths along the axes that have the channels of the latents.
    private static readonly (string Ending, int[] Axes)[] s_latentAxes =
    [
        ("decoder.conv_in.weight", [1]), ("encoder.conv_out.weight", [0]), ("encoder.conv_out.bias", [0]),
        ("post_quant_conv.weight", [0, 1]), ("post_quant_conv.bias", [0]), ("quant_conv.weight", [0, 1]), ("quant_conv.bias", [0]),
    ];

    [Theory]
    [InlineData(ModelPrecision.Full, float.NaN)]
    [InlineData(ModelPrecision.Half, float.NaN)]
    [InlineData(ModelPrecision.Half, float.PositiveInfinity)]
    [InlineData(ModelPrecision.Int8, float.NegativeInfinity)]
    public void A_weight_that_is_no_number_is_named_with_its_file(ModelPrecision precision, float value)
    {
        string path = CopyTiny("source");
        string weights = Path.Combine(path, "unet", "diffusion_pytorch_model.safetensors");
        SafetensorsWriter.Change(weights, tensors => tensors["conv_in.weight"].Values[7] = value);

        string message = Refused(path, new ImportOptions { Precision = precision });

        Assert.Contains($"'conv_in.weight' in '{weights}' has values that are not finite", message, StringComparison.Ordinal);
        Assert.DoesNotContain("half precision", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_too_large_for_half_precision_is_named_with_its_file()
    {
        string path = CopyTiny("source");
        string weights = Path.Combine(path, "unet", "diffusion_pytorch_model.safetensors");
        SafetensorsWriter.Change(weights, static tensors => tensors["conv_in.weight"].Values[7] = 1e6f);
        Assert.Contains($"'conv_in.weight' in '{weights}' has a value outside the range of half precision", Refused(path, new ImportOptions { Precision = ModelPrecision.Half }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_other_autoencoder_is_named_and_not_the_checkpoint(bool isFolder)
    {
        string vae = CopyVae(static tensors => tensors[Damaged].Values[0] = float.NaN);
        Assert.Contains($"'{Damaged}' in '{vae}' has values that are not finite", RefusedVae(isFolder ? Path.GetDirectoryName(vae)! : vae), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("I32", false)]
    [InlineData("I32", true)]
    public void Weights_of_integers_are_refused_before_they_are_read(string type, bool isFolder)
    {
        string vae = CopyVae(static _ => { });
        ChangeType(vae, Damaged, type);
        Assert.Contains($"'{Damaged}' in '{vae}' is of the type {type}", RefusedVae(isFolder ? Path.GetDirectoryName(vae)! : vae), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_autoencoder_with_other_latents_is_refused_by_both_numbers_of_channels(bool isFolder)
    {
        string vae = CopyVae(Widen);
        string folder = Path.GetDirectoryName(vae)!;
        SetKey(Path.Combine(folder, "config.json"), "latent_channels", 16);

        string message = RefusedVae(isFolder ? folder : vae);

        Assert.Contains($"The VAE of '{(isFolder ? Path.Combine(folder, "config.json") : vae)}' has latents of 16 channels", message, StringComparison.Ordinal);
        Assert.Contains($"the U-Net of '{TinyCheckpoint.Path}' makes 4", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_whose_autoencoder_has_other_latents_is_refused_by_its_configs()
    {
        string path = CopyTiny("models", "mine");
        SafetensorsWriter.Change(Path.Combine(path, "vae", "diffusion_pytorch_model.safetensors"), Widen);
        SetKey(Path.Combine(path, "vae", "config.json"), "latent_channels", 16);

        Assert.Contains("latents of 16 channels", Refused(path, new ImportOptions()), StringComparison.Ordinal);
        Assert.Contains("latents of 16 channels", Assert.Single(Library.Test(Library.Models.FindAny("mine", Token), runs: false, Token).Problems), StringComparison.Ordinal);
        Assert.Throws<ModelInvalidException>(() => Library.Models.Find("mine", Token));
    }

    [Fact]
    public void Graphs_whose_latents_differ_are_refused_when_they_run()
    {
        string path = CopyExport("source");
        File.WriteAllText(Path.Combine(path, "vae_decoder", "config.json"), """{"latent_channels": 8, "block_out_channels": [32, 32, 32, 32], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}""");
        File.Delete(Path.Combine(path, "unet", "config.json"));
        Assert.Contains("latents of 4 channels, and the VAE of the model has 8", Assert.Throws<ModelInvalidException>(() => Import(path)).Message, StringComparison.Ordinal);
    }

    private string Refused(string path, ImportOptions options)
    {
        string message = Assert.Throws<ModelInvalidException>(() => Library.Import(path, "other", options, skipsTest: true, cancellationToken: Token)).Message;
        Assert.Empty(Contents);
        return message;
    }

    private string RefusedVae(string vae) => Refused(TinyCheckpoint.Path, new ImportOptions { Vae = vae });

    /// <summary>Copies the tiny model's autoencoder, and changes its weights.</summary>
    /// <returns>The path of the weights.</returns>
    private string CopyVae(Action<Dictionary<string, Tensor>> change)
    {
        string path = Path.Combine(CopyTiny("source"), "vae", "diffusion_pytorch_model.safetensors");
        SafetensorsWriter.Change(path, change);
        return path;
    }

    private static void Widen(Dictionary<string, Tensor> tensors)
    {
        foreach ((string name, int[] axes) in s_latentAxes)
        {
            int[] shape = [.. tensors[name].Shape];
            foreach (int axis in axes)
                shape[axis] *= 4;
            tensors[name] = new Tensor(shape);
        }
    }

    /// <summary>Changes the type of a tensor in the header, to one of the same length.</summary>
    private static void ChangeType(string path, string name, string type)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int header = BitConverter.ToInt32(bytes);
        string text = System.Text.Encoding.UTF8.GetString(bytes, 8, header);
        int at = text.IndexOf("\"F32\"", text.IndexOf($"\"{name}\"", StringComparison.Ordinal), StringComparison.Ordinal);
        System.Text.Encoding.UTF8.GetBytes(type).CopyTo(bytes, 8 + at + 1);
        File.WriteAllBytes(path, bytes);
    }
}
