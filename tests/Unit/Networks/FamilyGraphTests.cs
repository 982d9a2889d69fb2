using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Networks;

/// <summary>The tiny SD 1.x model of the reference.</summary>
public sealed class FamilyGraphTests(SharedModels models)
{
    [Fact]
    public void SD_1_builds_and_its_parts_fit_together()
    {
        string built = models.Sd1Folder;
        using GraphSession text = new(Path.Combine(built, "text_encoder", "model.onnx"));
        using GraphSession unet = new(Path.Combine(built, "unet", "model.onnx"));
        using GraphSession decoder = new(Path.Combine(built, "vae_decoder", "model.onnx"));

        Tensor embedding = text.Run(("input_ids", new long[] { 49406, 320, 2368, 49407 }))["last_hidden_state"];
        Tensor noise = unet.Run(
            ("sample", new Tensor(1, 4, 13, 10)), ("timestep", new Tensor([981f], 1)), ("encoder_hidden_states", embedding))["out_sample"];
        Tensor picture = decoder.Run(("latent_sample", noise))["sample"];

        Assert.Equal([1, 4, 64], embedding.Shape);
        Assert.Equal([1, 4, 13, 10], noise.Shape);
        Assert.Equal([1, 3, 104, 80], picture.Shape);
        Assert.DoesNotContain(picture.Values, value => !float.IsFinite(value));
    }
}
