using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Tests.Metadata;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class ExportDiffusionImageTests(CommandShell fixture) : CommandTests(fixture)
{
    private const string Cmdlet = "ExportDiffusionImage";

    private static DiffusionImage Image(string prompt = "a red house", long seed = 5) =>
        new(8, 8, new byte[8 * 8 * DiffusionImage.Channels], new GenerationInfo { Prompt = prompt, Seed = seed });

    [Theory]
    [InlineData("$input | Export-DiffusionImage x.png", "x.png")]
    [InlineData("$input | Export-DiffusionImage -OutFile x.jpg -Quality 10", "x.jpg")]
    [InlineData("$input | Export-DiffusionImage x -Format webp", "x.webp")]
    [InlineData("$input | Export-DiffusionImage -OutDirectory new", "new new/a-red-house-5.png")]
    [InlineData("$input | Export-DiffusionImage new/deep/x.png", "new new/deep new/deep/x.png")]
    [InlineData("$input | Export-DiffusionImage -OutDirectory new -Format jpg", "new new/a-red-house-5.jpg")]
    [InlineData("Export-DiffusionImage '[x].png' -InputObject $picture", "[x].png")]
    public void A_picture_is_written_to_a_file_or_a_folder(string script, string names)
    {
        Set("picture", Image());
        ShellResult result = RunWell(script, Image());
        Assert.Empty(result.Output);
        Assert.Equal(names, string.Join(' ', Names));
    }

    [Fact]
    public void PassThru_gives_the_picture_with_its_path()
    {
        DiffusionImage image = Image();
        Assert.Same(image, Assert.Single(RunWell("$input | Export-DiffusionImage x.png -PassThru", image).Values<DiffusionImage>()));
        Assert.Equal(Folder["x.png"], image.Path);
    }

    [Theory]
    [InlineData("RNG: GPU", "Cuda")]
    [InlineData("RNG: CPU", "TorchCpu")]
    public void A_file_of_another_tool_keeps_the_settings_that_are_known(string random, string source)
    {
        File.WriteAllBytes(Folder["a.png"], MetadataFiles.Png(MetadataFiles.TextChunk(
            "parameters", $"a (red:1.2) house\nNegative prompt: blue\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x64, Model: other, Token merging ratio: 0.5, {random}")));

        ShellResult result = Run("$file = [System.IO.FileInfo]::new(\"$folder/a.png\"); $file | Export-DiffusionImage -OutDirectory new -Format webp");

        Assert.Contains(result.Warnings, warning => warning.StartsWith("a.png: ", StringComparison.Ordinal) && warning.Contains("Token merging ratio", StringComparison.Ordinal));
        ImageMetadata expected = MetadataReader.Read(Folder["a.png"]);
        ImageMetadata actual = MetadataReader.Read(Folder["new/a.webp"]);
        Assert.Equal((MetadataSource.PowerShell, source), (actual.Source, actual.RandomSource));
        Assert.Equal(expected.Info, actual.Info with { RandomSource = null });
        Assert.Equal(expected.RandomSource, actual.RandomSource);
    }

    [Fact]
    public void Several_pictures_go_to_a_folder_under_names_of_their_own()
    {
        RunWell("$input | Export-DiffusionImage -OutDirectory .", Image(), Image(), Image(seed: 6));
        Assert.Equal(["a-red-house-5-2.png", "a-red-house-5.png", "a-red-house-6.png"], Names);
    }

    [Fact]
    public void A_file_is_replaced_with_Force_alone()
    {
        File.WriteAllText(Folder["x.png"], "mine");
        DiffusionImage image = Image();
        ErrorRecord error = AssertError(Run("$input | Export-DiffusionImage x.png", image), "FileExists", ErrorCategory.ResourceExists, Cmdlet);
        Assert.Same(image, Unwrap(error.TargetObject));
        Assert.Equal("mine", File.ReadAllText(Folder["x.png"]));

        RunWell("$input | Export-DiffusionImage x.png -Force", image);
        Assert.Equal(image.Pixels, ImageFile.Read(Folder["x.png"]).Pixels);
        Assert.Equal(["x.png"], Names);
    }

    [Theory]
    [InlineData("folder.png", "FileWriteFailed", ErrorCategory.WriteError)]
    [InlineData("file/x.png", "FileWriteFailed", ErrorCategory.WriteError)]
    [InlineData("x.docx", "PathInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("a\0.png", "PathInvalid", ErrorCategory.InvalidArgument)]
    [InlineData(@"\", "PathInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("Env:/x.png", "PathNotFileSystem", ErrorCategory.InvalidArgument)]
    [InlineData("nodrive:/x.png", "PathNotFound", ErrorCategory.ObjectNotFound)]
    public void A_file_that_cannot_be_written_is_an_error_and_leaves_nothing(string path, string id, ErrorCategory category)
    {
        Directory.CreateDirectory(Folder["folder.png"]);
        File.WriteAllText(Folder["file"], "mine");
        Set("path", path);
        AssertError(Run("$input | Export-DiffusionImage $path", Image()), id, category, Cmdlet);
        AssertError(Run("$input | Export-DiffusionImage $path -WhatIf", Image()), id, category, Cmdlet);
        Assert.Equal(["file", "folder.png"], Names);
    }

    [Fact]
    public void WhatIf_writes_nothing_and_makes_no_folder()
    {
        Assert.Empty(RunWell("$input | Export-DiffusionImage -OutDirectory new -WhatIf -PassThru", Image()).Output);
        Assert.Empty(Names);
    }

    [Fact]
    public void Confirm_asks_for_each_file()
    {
        AnsweringHost host = new("No", "Yes");
        using ModuleShell shell = new(host);
        shell.Set("folder", Folder.Path);
        Assert.False(shell.Invoke("$input | Export-DiffusionImage -OutDirectory $folder -Confirm", Image(), Image(seed: 6)).HadErrors);

        Assert.Equal(["a-red-house-6.png"], Names);
        Assert.Equal(2, host.Questions.Count);
    }

    [Theory]
    [InlineData("-Quality 0")]
    [InlineData("-Quality 101")]
    [InlineData("-Format gif")]
    public void A_setting_out_of_its_range_is_refused(string setting)
    {
        ShellResult result = Run($"$input | Export-DiffusionImage x.png {setting}", Image());
        AssertError(result, "ParameterArgumentValidationError", ErrorCategory.InvalidData, Cmdlet);
        Assert.Empty(Names);
    }
}
