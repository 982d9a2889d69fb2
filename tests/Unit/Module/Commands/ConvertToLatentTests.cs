using System.Management.Automation;
using StableDiffusion.Denoising;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class ConvertToLatentTests : CommandTests
{
    private const string Cmdlet = "ConvertToLatent";

    public ConvertToLatentTests(CommandShell fixture)
        : base(fixture)
    {
        File.Copy(Scene, Folder["a.png"]);
        File.Copy(Repository.Data("images", "crop-96x48.png"), Folder["b.png"]);
        File.Copy(Scene, Folder["[1].png"]);
        File.WriteAllText(Folder["text.txt"], "no picture");
    }

    [Theory]
    [InlineData("ConvertTo-Latent a.png", "64x64")]
    [InlineData("ConvertTo-Latent a.png, b.png", "64x64 96x48")]
    [InlineData("'b.png', 'a.png' | ConvertTo-Latent", "96x48 64x64")]
    [InlineData("ConvertTo-Latent ?.png", "64x64 96x48")]
    [InlineData("ConvertTo-Latent -LiteralPath '[1].png'", "64x64")]
    [InlineData("[pscustomobject]@{ Path = 'b.png' } | ConvertTo-Latent", "96x48")]
    [InlineData("[pscustomobject]@{ PSPath = \"$folder/[1].png\" }, [pscustomobject]@{ PSPath = \"$folder/b.png\" } | ConvertTo-Latent", "64x64 96x48")]
    [InlineData("$input | ConvertTo-Latent", "96x48")]
    [InlineData("ConvertTo-Latent -InputObject $picture", "96x48")]
    [InlineData("ConvertTo-Latent $picture, a.png", "96x48 64x64")]
    [InlineData("ConvertTo-Latent -LiteralPath $picture", "96x48")]
    [InlineData("[pscustomobject]@{ Path = $picture }, [pscustomobject]@{ Image = $picture } | ConvertTo-Latent", "96x48 96x48")]
    [InlineData("ConvertTo-Latent ([System.IO.FileInfo]::new(\"$folder/[1].png\"))", "64x64")]
    [InlineData("[pscustomobject]@{ Path = [System.IO.FileInfo]::new(\"$folder/[1].png\") } | ConvertTo-Latent", "64x64")]
    [InlineData("ConvertTo-Latent -InputObject '[1].png', $picture", "64x64 96x48")]
    public void Pictures_come_by_path_and_as_objects(string script, string sizes)
    {
        Set("picture", ImageFile.Read(Folder["b.png"]));
        ShellResult result = RunWell(script, ImageFile.Read(Folder["b.png"]));

        IReadOnlyList<Latent> latents = result.Values<Latent>();
        Assert.Equal(sizes, string.Join(' ', latents.Select(latent => $"{latent.Width}x{latent.Height}")));
        Assert.All(latents, latent => Assert.True(latent.Tensor.HasShape(1, 4, latent.Height!.Value / 8, latent.Width!.Value / 8)));
        Assert.All(latents, latent => Assert.True(latent.IsComplete));
    }

    [Fact]
    public void Without_a_seed_it_is_the_mean_and_with_one_a_sample()
    {
        IReadOnlyList<Latent> latents = RunWell("'a.png', 'a.png' | ConvertTo-Latent; 'a.png', 'a.png' | ConvertTo-Latent -Seed 3; ConvertTo-Latent a.png -Seed 4").Values<Latent>();

        Assert.Equal(latents[0].Tensor.Values, latents[1].Tensor.Values);
        Assert.Equal(latents[2].Tensor.Values, latents[3].Tensor.Values);
        Assert.NotEqual(latents[0].Tensor.Values, latents[2].Tensor.Values);
        Assert.NotEqual(latents[2].Tensor.Values, latents[4].Tensor.Values);
        Assert.Equal([null, null, 3, 3, 4], latents.Select(latent => latent.Seed));
    }

    [Theory]
    [InlineData("-ResizeMode Crop -Width 64 -Height 64", "64x64")]
    [InlineData("-ResizeMode pad -Width 64 -Height 64", "64x64")]
    [InlineData("-ResizeMode Stretch -Width 64 -Height 64", "64x64")]
    [InlineData("-ResizeMode Stretch -Width 48", "48x48")]
    [InlineData("-ResizeMode Crop", "96x48")]
    [InlineData("-Width 96 -Height 48", "96x48")]
    public void Pictures_are_brought_to_a_size_as_asked(string settings, string size)
    {
        Latent latent = Assert.Single(RunWell($"ConvertTo-Latent b.png {settings}").Values<Latent>());
        Assert.Equal(size, $"{latent.Width}x{latent.Height}");
    }

    [Fact]
    public void The_ways_of_resizing_differ()
    {
        IReadOnlyList<Latent> latents = RunWell("'Stretch', 'Crop', 'Pad' | ForEach-Object { ConvertTo-Latent b.png -ResizeMode $_ -Width 64 -Height 64 }").Values<Latent>();
        Assert.Equal(3, latents.Select(latent => latent.Tensor.Values[9]).Distinct().Count());
    }

    [Theory]
    [InlineData("a.png", "-Width 72", "ImageInvalid", ErrorCategory.InvalidData, "resize mode")]
    [InlineData("a.png", "-ResizeMode Crop -Width 60", "WidthInvalid", ErrorCategory.InvalidArgument, "multiple of 8")]
    [InlineData("a.png", "-ResizeMode Crop -Height 0", "HeightInvalid", ErrorCategory.InvalidArgument, "0 pixels high")]
    [InlineData("a.png", "-Seed -2", "SeedInvalid", ErrorCategory.InvalidArgument, "-2")]
    [InlineData("small.png", "", "WidthInvalid", ErrorCategory.InvalidArgument, "12")]
    [InlineData("text.txt", "", "ImageInvalid", ErrorCategory.InvalidData, "text.txt")]
    public void A_picture_that_cannot_be_encoded_is_an_error_about_its_file(string file, string settings, string id, ErrorCategory category, string message)
    {
        File.Copy(Repository.Data("images", "rgb.png"), Folder["small.png"]);
        ShellResult result = Run($"ConvertTo-Latent {file} {settings}");

        ErrorRecord error = AssertError(result, id, category, Cmdlet);
        Assert.Equal(Folder[file], Unwrap(error.TargetObject));
        Assert.Contains(message, error.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("nope.png", "PathNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("nope*.png", "PathNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("nodrive:/a.png", "PathNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("Env:/PATH", "PathNotFileSystem", ErrorCategory.InvalidArgument)]
    public void A_path_that_leads_to_no_file_is_one_error_and_the_next_has_its_turn(string path, string id, ErrorCategory category)
    {
        Set("path", path);
        ShellResult result = Run("$path, 'a.png' | ConvertTo-Latent");

        Assert.Single(result.Values<Latent>());
        Assert.Equal(path, Unwrap(AssertError(result, id, category, Cmdlet).TargetObject));
    }

    [Fact]
    public void Null_is_refused_and_the_next_has_its_turn()
    {
        ShellResult result = Run("$null, 'a.png' | ConvertTo-Latent");
        Assert.Single(result.Values<Latent>());
        Assert.Single(result.Errors);
    }
}
