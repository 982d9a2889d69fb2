using System.Management.Automation;
using SdPowerShell.Terminal;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Images.Terminal;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Images.Terminal;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class ShowDiffusionImageTests(CommandShell fixture) : CommandTests(fixture)
{
    private const string Cmdlet = "ShowDiffusionImage";

    [Fact]
    public void Images_are_written_to_the_screen_and_not_to_the_pipeline()
    {
        AnsweringHost host = new();
        using ModuleShell shell = new(host);
        shell.Set("scene", Scene);
        ShellResult result = shell.Invoke("Show-DiffusionImage $scene -Protocol HalfBlock -Width 64");
        Assert.Empty(result.Output);
        Assert.Equal(ImageFile.Read(Scene).Pixels, TerminalText.ReadHalfBlocks(Assert.Single(host.Written)).Pixels);
    }

    [Fact]
    public void Without_a_terminal_nothing_is_shown_and_Verbose_says_why()
    {
        AnsweringHost host = new();
        using ModuleShell shell = new(host);
        shell.Set("scene", Scene);
        ShellResult result = shell.Invoke("Show-DiffusionImage $scene -Verbose; Show-DiffusionImage $scene -Protocol None -Verbose; [System.IO.FileInfo]::new($scene) | Show-DiffusionImage -PassThru");
        Assert.Empty(result.Errors);
        Assert.Empty(result.Warnings);
        Assert.Empty(host.Written);
        Assert.Contains("'AnsweringHost' is no terminal", result.Verbose[0], StringComparison.Ordinal);
        Assert.Equal(2, result.Verbose.Count);
        Assert.Equal(64, Assert.Single(result.Values<DiffusionImage>()).Width);
    }

    [Theory]
    [InlineData("Sixel")]
    [InlineData("kitty")]
    [InlineData("ITerm2")]
    [InlineData("HalfBlock")]
    public void AsString_gives_the_text(string protocol)
    {
        byte[] pixels = [.. Enumerable.Range(0, 4 * 4 * 3).Select(static i => (byte)(i % 3 * 51))];
        Set("image", new DiffusionImage(4, 4, pixels));
        Set("protocol", protocol);
        string text = Assert.Single(RunWell("$image | Show-DiffusionImage -Protocol $protocol -AsString").Values<string>());
        DiffusionImage read = protocol switch
        {
            "Sixel" => TerminalText.ReadSixel(text),
            "HalfBlock" => TerminalText.ReadHalfBlocks(text),
            "kitty" => FromFile(TerminalText.ReadKitty(text).Png),
            _ => FromFile(TerminalText.ReadITerm2(text).File),
        };
        Assert.Equal([0, 51, 102], read.Pixels[..3]);
        Assert.Equal(protocol == "Sixel" ? 32 : 4, read.Width);
    }

    [Fact]
    public void Latents_masks_and_regions_are_shown()
    {
        Set("latent", new Latent(new Tensor([.. Enumerable.Range(0, 16).Select(static i => (float)i)], 1, 4, 2, 2), new GenerationInfo()));
        Set("mask", new MaskImage(2, 2, [0, 255, 100, 200]));
        ShellResult result = RunWell("""
            $latent | Show-DiffusionImage -Channel 2 -Protocol HalfBlock -AsString
            Show-DiffusionImage $mask -Protocol HalfBlock -AsString
            """);
        Assert.Equal([0, 85, 170, 255], TerminalText.ReadHalfBlocks(result.Values<string>()[0]).Pixels.Where(static (_, i) => i % 3 == 0));
        Assert.Equal([0, 255, 100, 200], TerminalText.ReadHalfBlocks(result.Values<string>()[1]).Pixels.Where(static (_, i) => i % 3 == 0));
    }

    [Fact]
    public void A_latent_of_the_small_model_is_decoded()
    {
        ShellResult result = RunWell("""
            $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 2
            $latent | Show-DiffusionImage -Protocol HalfBlock -Width 64 -AsString -PassThru -Verbose
            $latent | ConvertFrom-Latent
            $latent | ConvertFrom-Latent -Preview
            """);
        object?[] output = [.. result.Output.Select(Unwrap)];
        DiffusionImage decoded = Assert.IsType<DiffusionImage>(output[2]);
        Assert.Equal(decoded.Pixels, TerminalText.ReadHalfBlocks(Assert.IsType<string>(output[0])).Pixels);
        Assert.IsType<Latent>(output[1]);
        Assert.Equal(decoded.Pixels, Assert.IsType<DiffusionImage>(output[3]).Pixels);
        Assert.Contains(result.Verbose, static line => line.Contains("not known", StringComparison.Ordinal));
    }

    [Fact]
    public void Wildcards_find_files_and_literal_paths_do_not()
    {
        File.Copy(Scene, Folder["[a].png"]);
        File.Copy(Scene, Folder["b.png"]);
        Assert.Equal(2, RunWell("Show-DiffusionImage *.png -Protocol Sixel -AsString").Output.Count);
        Assert.Single(RunWell("Show-DiffusionImage -LiteralPath '[a].png' -Protocol Sixel -AsString").Output);
        Assert.Single(RunWell("[System.IO.FileInfo]::new($folder + '/[a].png') | Show-DiffusionImage -Protocol Sixel -AsString").Output);
        AssertError(Run("Show-DiffusionImage c.png"), "PathNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
    }

    [Fact]
    public void What_cannot_be_shown_is_an_error_and_the_next_one_follows()
    {
        File.WriteAllText(Folder["text.png"], "no image");
        File.Copy(Scene, Folder["z.png"]);
        ShellResult result = Run("'text.png', 5, 'z.png' | Show-DiffusionImage -Protocol Sixel -AsString");
        Assert.Single(result.Output);
        Assert.Equal([$"ImageInvalid,SdPowerShell.Commands.{Cmdlet}Command", $"InputObjectInvalid,SdPowerShell.Commands.{Cmdlet}Command"], result.Errors.Select(static error => error.FullyQualifiedErrorId));
        AssertError(Run("Show-DiffusionImage z.png -Channel 3 -Protocol Sixel -AsString"), "ChannelInvalid", ErrorCategory.InvalidArgument, Cmdlet);
        AssertError(Run("Show-DiffusionImage z.png -Protocol Crayon"), "ProtocolInvalid", ErrorCategory.InvalidArgument, Cmdlet);
    }

    [Fact]
    public void Previews_replace_each_other_in_a_place_of_their_own()
    {
        AnsweringHost host = new();
        TerminalOutput terminal = new(host.UI, TerminalProtocol.HalfBlock);
        DiffusionImage image = new(6, 4, new byte[6 * 4 * 3]);
        TerminalArea area = terminal.Reserve(image);
        terminal.Replace(image, area, TestContext.Current.CancellationToken);
        terminal.Replace(image, area, TestContext.Current.CancellationToken);
        Assert.Equal(new TerminalArea(6, 2), area);
        Assert.Equal("\n\n\n\n\n\n\e[6A\e7", host.Written[0]);
        Assert.All(host.Written.Skip(1), static text => Assert.Equal(2, text.Count(static letter => letter == '\n')));
        Assert.All(host.Written.Skip(1), static text => Assert.StartsWith("\e8\e[38;2;0;0;0m", text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("New-DiffusionImage 'a red house' -Seed 1 -Steps 4 -Scheduler Euler")]
    [InlineData("Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler Euler | ConvertFrom-Latent")]
    public void A_preview_file_shows_the_image_and_changes_nothing_in_it(string command)
    {
        string[] parts = command.Split(" | ");
        parts[^(parts.Length > 1 ? 2 : 1)] += " -Preview -PreviewFile p.png -PreviewEvery 3";
        ShellResult result = RunWell($"{command}; {string.Join(" | ", parts)}");
        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(images[0].Pixels, images[1].Pixels);
        Assert.Equal(images[0].Info, images[1].Info);
        Assert.Empty(result.Warnings);
        Assert.Equal(["p.png"], Names);

        // The last step is shown, whatever the interval.
        DiffusionImage preview = ImageFile.ReadWithSettings(Folder["p.png"], TestContext.Current.CancellationToken);
        Assert.All(images[0].Pixels.Zip(preview.Pixels), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
        Assert.Null(preview.Seed);
    }

    [Fact]
    public void A_preview_file_is_replaced_and_an_image_is_made_again_with_previews()
    {
        File.WriteAllText(Folder["p.jpg"], "old");
        ShellResult result = RunWell("New-DiffusionImage 'a' -Seed 1 -Steps 2 -OutFile a.png; Get-DiffusionMetadata a.png | New-DiffusionImage -PreviewFile p.jpg");
        Assert.Equal(result.Values<DiffusionImage>()[0].Pixels, result.Values<DiffusionImage>()[1].Pixels);
        Assert.Equal(64, ImageFile.Read(Folder["p.jpg"]).Width);
    }

    [Theory]
    [InlineData("p.txt", "PreviewFileInvalid")]
    [InlineData("file/p.png", "FileWriteFailed")]
    public void A_preview_file_that_cannot_be_written_is_told_first(string file, string id)
    {
        File.WriteAllText(Folder["file"], "mine");
        Set("file", file);
        ShellResult result = Run("'a' | New-DiffusionImage -Steps 1 -PreviewFile $file");
        Assert.Equal($"{id},SdPowerShell.Commands.NewDiffusionImageCommand", Assert.Single(result.Errors).FullyQualifiedErrorId);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void A_preview_that_fails_is_a_warning_and_the_image_is_made()
    {
        Directory.CreateDirectory(Folder["gone"]);
        ProgressWritten += _ => Directory.CreateDirectory(Folder["gone/p.png"]);
        ShellResult result = RunWell("New-DiffusionImage 'a' -Seed 1 -Steps 3 -PreviewFile gone/p.png");
        Assert.Single(result.Values<DiffusionImage>());
        Assert.Contains("There are no more previews", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    private DiffusionImage FromFile(byte[] bytes)
    {
        File.WriteAllBytes(Folder["read.png"], bytes);
        return ImageFile.Read(Folder["read.png"]);
    }
}
