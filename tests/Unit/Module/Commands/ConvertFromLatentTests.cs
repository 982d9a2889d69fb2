using System.Management.Automation;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class ConvertFromLatentTests(CommandShell fixture) : CommandTests(fixture)
{
    private const string Cmdlet = "ConvertFromLatent";

    [Fact]
    public void A_picture_that_was_encoded_comes_back_much_as_it_was()
    {
        Set("scene", Scene);
        DiffusionImage image = Assert.Single(RunWell("ConvertTo-Latent $scene | ConvertFrom-Latent").Values<DiffusionImage>());

        byte[] original = ImageFile.Read(Scene).Pixels;
        double difference = original.Zip(image.Pixels, (a, b) => Math.Abs(a - b)).Average();
        Assert.InRange(difference, 0.01, 20);
    }

    [Fact]
    public void Latents_come_by_pipeline_and_by_name_and_half_done_ones_too()
    {
        ShellResult result = RunWell("""
            $latents = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -Width 72 -EachStep
            $latents | ConvertFrom-Latent
            ConvertFrom-Latent $latents
            """);

        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(4, images.Count);
        Assert.All(images, image => Assert.Equal((72, 64, "a", 1L), (image.Width, image.Height, image.Prompt, image.Seed)));
        Assert.Equal(images[0].Pixels, images[2].Pixels);
        Assert.NotEqual(images[0].Pixels, images[1].Pixels);
    }

    [Fact]
    public void A_latent_that_does_not_fit_or_is_not_finite_is_one_error_and_the_next_has_its_turn()
    {
        Latent wide = new(new Tensor(1, 3, 8, 8), new GenerationInfo());
        Latent broken = new(new Tensor(1, 4, 8, 8), new GenerationInfo());
        broken.Tensor.Values[7] = float.NaN;
        ShellResult result = Run("$input | ConvertFrom-Latent", wide, broken, new Latent(new Tensor(1, 4, 8, 8), new GenerationInfo()));

        Assert.Single(result.Values<DiffusionImage>());
        Assert.Equal(
            [("LatentShapeMismatch,SdPowerShell.Commands.ConvertFromLatentCommand", ErrorCategory.InvalidData), ("NotFinite,SdPowerShell.Commands.ConvertFromLatentCommand", ErrorCategory.InvalidData)],
            result.Errors.Select(error => (error.FullyQualifiedErrorId, error.CategoryInfo.Category)));
        Assert.Equal([wide, broken], result.Errors.Select(error => Unwrap(error.TargetObject)));
    }

    [Fact]
    public void What_is_no_latent_is_refused() =>
        AssertError(Run("'a' | ConvertFrom-Latent"), "InputObjectNotBound", ErrorCategory.InvalidArgument, Cmdlet);
}
