using System.Management.Automation;
using StableDiffusion.Adapters;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Adapters;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>LoRAs and embeddings as the cmdlets take them.</summary>
public sealed class AdapterTests : CommandTests
{
    private const string UNetLayer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
    private const string TextLayer = "lora_te_text_model_encoder_layers_0_mlp_fc2";

    private readonly string? _loras = Environment.GetEnvironmentVariable(StorageFolders.LorasVariable);
    private readonly string? _embeddings = Environment.GetEnvironmentVariable(StorageFolders.EmbeddingsVariable);

    public AdapterTests(CommandShell fixture)
        : base(fixture)
    {
        Directory.CreateDirectory(Folder["store", "inner"]);
        Environment.SetEnvironmentVariable(StorageFolders.LorasVariable, Folder["store"]);
        Environment.SetEnvironmentVariable(StorageFolders.EmbeddingsVariable, Folder["words"]);
        LoraTensors style = new();
        style.Add($"{UNetLayer}.diff", 192, 128);
        style.Add($"{TextLayer}.diff_b", 128);
        style.Save(Folder, Path.Combine("store", "inner", "style.safetensors"));
        Directory.CreateDirectory(Folder["words"]);
        LoraTensors word = new();
        word.Add("emb_params", 2, 128);
        word.Save(Folder, Path.Combine("words", "zork.safetensors"));
    }

    public override void Dispose()
    {
        Environment.SetEnvironmentVariable(StorageFolders.LorasVariable, _loras);
        Environment.SetEnvironmentVariable(StorageFolders.EmbeddingsVariable, _embeddings);
        base.Dispose();
    }

    [Theory]
    [InlineData("-Lora style:0.5")]
    [InlineData("-Lora store/inner/style.safetensors:0.5, ''")]
    [InlineData("-PromptSyntax A1111 -Prompt 'a red house<lora:style:0.5>'")]
    [InlineData("-PromptSyntax A1111 -Prompt 'a red house<lora:style:9>' -Lora style:0.5")]
    public void A_LoRA_is_found_by_name_by_path_and_by_tag_and_the_parameter_counts(string arguments)
    {
        string prompt = arguments.Contains("-Prompt ", StringComparison.Ordinal) ? string.Empty : "-PromptSyntax A1111 'a red house' ";
        byte[] expected = Picture("New-DiffusionImage 'a red house' -PromptSyntax A1111 -Steps 2 -Seed 1 -Lora \"$folder/store/inner/style.safetensors:0.5:0.5\"").Pixels;

        Assert.Equal(expected, Picture($"New-DiffusionImage {prompt}{arguments} -Steps 2 -Seed 1").Pixels);
        Assert.NotEqual(expected, Picture("New-DiffusionImage 'a red house' -PromptSyntax A1111 -Steps 2 -Seed 1").Pixels);
    }

    [Fact]
    public void Work_is_resumed_if_names_strengths_and_files_are_the_same()
    {
        const string arguments = "New-DiffusionImage 'a zork' -Steps 2 -Seed 1 -TextualInversion zork -OutFile out.png";
        Picture($"{arguments} -Lora style:0.5");
        Assert.True((bool)RunWell($"({arguments} -Lora store/inner/style.safetensors:0.5 -Resume).IsUnchanged").Output.Single().BaseObject);
        Assert.Contains("Lora (", AssertError(Run($"{arguments} -Lora style:0.75 -Resume"), "OutputDiffers", ErrorCategory.ResourceExists, "NewDiffusionImage").Exception.Message, StringComparison.Ordinal);
        Assert.Contains("LoraHashes (", AssertError(Run($"{arguments} -Resume"), "OutputDiffers", ErrorCategory.ResourceExists, "NewDiffusionImage").Exception.Message, StringComparison.Ordinal);

        LoraTensors other = new();
        other.Add($"{TextLayer}.diff_b", 128);
        other.Save(Folder, Path.Combine("store", "inner", "style.safetensors"));
        Assert.Contains("LoraHashes (", AssertError(Run($"{arguments} -Lora style:0.5 -Resume"), "OutputDiffers", ErrorCategory.ResourceExists, "NewDiffusionImage").Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cell_holds_several()
    {
        LoraTensors detail = new();
        detail.Add($"{UNetLayer}.diff", 192, 128);
        detail.Save(Folder, Path.Combine("store", "detail.safetensors"));
        DiffusionImage expected = Picture("New-DiffusionImage 'a red house' -Lora style:0.8, detail:0.5 -Steps 2 -Seed 1");

        DiffusionImage actual = Picture("[pscustomobject]@{ Prompt = 'a red house'; Steps = 2; Seed = 1; Lora = 'style:0.8; detail:0.5'; TextualInversion = 'zork;' } | New-DiffusionImage");
        Assert.Equal(expected.Pixels, actual.Pixels);
        Assert.Equal(["detail:0.5", "style:0.8"], actual.Lora!.Order());
    }

    [Fact]
    public void A_name_that_several_files_have_is_warned_of_once()
    {
        File.Copy(Folder["store", "inner", "style.safetensors"], Folder["store", "style.safetensors"]);
        Directory.CreateDirectory(Folder["words", "inner"]);
        File.Copy(Folder["words", "zork.safetensors"], Folder["words", "inner", "zork.safetensors"]);

        ShellResult result = RunWell("'a', 'b' | Get-TextEmbedding -Lora style -TextualInversion zork -Verbose");
        Assert.Equal(2, result.Warnings.Count);
        Assert.Contains(result.Warnings, warning => warning.Contains($"The LoRA 'style' is the file '{Folder["store", "style.safetensors"]}'; '{Folder["store", "inner", "style.safetensors"]}' has the same name", StringComparison.Ordinal));
        Assert.Contains(result.Warnings, warning => warning.Contains("The embedding 'zork' is the file", StringComparison.Ordinal));
        Assert.Empty(RunWell("Get-TextEmbedding a -Lora store/inner/style.safetensors").Warnings);
    }

    [Fact]
    public void A_tag_has_the_text_encoders_strength_first_as_A1111_has_it()
    {
        byte[] byTag = Picture("New-DiffusionImage 'a red house<lora:style:0:0.5>' -PromptSyntax A1111 -Steps 2 -Seed 1").Pixels;
        Assert.Equal(Picture("New-DiffusionImage 'a red house' -PromptSyntax A1111 -Lora style:0.5:0 -Steps 2 -Seed 1").Pixels, byTag);
        Assert.Equal(byTag, Picture("New-DiffusionImage 'a red house<lora:style:te=0:unet=0.5>' -PromptSyntax A1111 -Steps 2 -Seed 1").Pixels);
    }

    [Fact]
    public void The_stages_give_the_picture_that_the_whole_gives()
    {
        byte[] whole = Picture("New-DiffusionImage 'a red house' -Lora style -Steps 2 -Seed 1").Pixels;
        Assert.Equal(whole, Picture("Get-TextEmbedding 'a red house' -Lora style | Invoke-Denoise -Steps 2 -Seed 1 -NegativeEmbedding (Get-TextEmbedding '' -Lora style) | ConvertFrom-Latent").Pixels);
        ShellResult other = RunWell("Get-TextEmbedding 'a red house' -Lora style | Invoke-Denoise -Lora @() -Steps 2 -Seed 1 -NegativeEmbedding (Get-TextEmbedding '' -Lora style) | ConvertFrom-Latent");
        Assert.NotEqual(whole, Assert.Single(other.Values<DiffusionImage>()).Pixels);
    }

    [Fact]
    public void A_picture_says_how_to_make_it_again()
    {
        DiffusionImage first = Picture("New-DiffusionImage 'a red house, zork' -Lora style:0.5:0.25 -TextualInversion zork -Steps 2 -Seed 1 -OutFile first.png");
        Assert.Equal(first.Pixels, Picture("Get-DiffusionMetadata first.png | New-DiffusionImage").Pixels);

        ImageMetadata metadata = Assert.Single(RunWell("Get-DiffusionMetadata first.png").Values<ImageMetadata>());
        Assert.Equal(["style:0.5:0.25"], metadata.Lora);
        Assert.Equal(["zork"], metadata.TextualInversion);
        string infotext = metadata.Entries.Single(entry => entry.Keyword == "parameters").Text;
        Assert.StartsWith("a red house, zork <lora:style:0.25:0.5>\n", infotext, StringComparison.Ordinal);
        Assert.Matches("Lora hashes: \"style: [0-9a-f]{12}\", TI hashes: \"zork: [0-9a-f]{12}\"", infotext);
    }

    [Theory]
    [InlineData("Plain", "a red zork, on white", "zork,zork_1")]
    [InlineData("A1111", "a red (ZORK:1.2), on white", "zork,zork_1")]
    [InlineData("A1111", "a red zorks, on white", "")]
    [InlineData("ComfyUI", "a red embedding:zork, on white", "zork,zork_1")]
    [InlineData("ComfyUI", "a red zork, on white", "")]
    public void A_learned_word_is_found_as_each_syntax_has_it(string syntax, string prompt, string expected)
    {
        Set("prompt", prompt);
        TextEmbedding embedding = Assert.Single(RunWell($"Get-TextEmbedding $prompt -PromptSyntax {syntax} -TextualInversion zork").Values<TextEmbedding>());
        Assert.Equal(expected, string.Join(',', embedding.Tokens.Where(token => token.StartsWith("zork_", StringComparison.Ordinal) || token == "zork").Distinct()));
        Assert.Equal(expected.Length > 0, embedding.WeightedTokens.Any(token => token.Text == "zork_1"));
        Assert.All(embedding.WeightedTokens.Where(token => token.Text == "zork_1"), token => Assert.Equal(syntax == "A1111" ? 1.2 : 1, token.Weight));
    }

    [Fact]
    public void An_embedding_that_ComfyUI_would_look_for_is_named_in_a_warning_if_it_is_not_given()
    {
        ShellResult result = Run("Get-TextEmbedding 'a embedding:zork, (embedding:other:1.2) embedding:Other' -PromptSyntax ComfyUI -TextualInversion zork");

        Assert.Contains("embedding:other,", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void What_became_of_the_layers_is_told()
    {
        LoraTensors partly = new();
        partly.Add($"{UNetLayer}.diff", 192, 128);
        partly.Add("lora_unet_elsewhere.diff", 2, 2);
        partly.Save(Folder, Path.Combine("store", "partly.safetensors"));

        ShellResult result = RunWell("'a red house', 'a blue house' | Get-TextEmbedding -Lora partly -Verbose");
        Assert.Contains("1 of 2 layers of the LoRA 'partly'", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Contains(result.Verbose, line => line.Contains("unmatched lora_unet_elsewhere", StringComparison.Ordinal));
        Assert.Contains(result.Verbose, line => line.Contains($"applied {UNetLayer}", StringComparison.Ordinal));

        ShellResult told = RunWell("$null = 'a', 'b' | Get-TextEmbedding -Lora partly:0.5 -WarningAction SilentlyContinue -InformationVariable told; $told.MessageData");
        AdapterReport report = Assert.Single(told.Values<AdapterReport>());
        Assert.Equal(("partly", 0.5, 1, 0, 1), (report.Name, report.Lora.Strength, report.Applied, report.Skipped, report.Unmatched));
    }

    [Fact]
    public void What_is_missing_or_does_not_fit_is_an_error()
    {
        new LoraTensors().Save(Folder, "unused.safetensors");
        LoraTensors other = new();
        other.Add("lora_unet_elsewhere.diff", 2, 2);
        other.Save(Folder, Path.Combine("store", "other.safetensors"));

        ErrorRecord missing = AssertError(Run("Get-TextEmbedding x -Lora no-such"), "AdapterNotFound", ErrorCategory.ObjectNotFound, "GetTextEmbedding");
        Assert.Contains("style", missing.Exception.Message, StringComparison.Ordinal);
        AssertError(Run("Get-TextEmbedding 'x <lora:no-such:1>' -PromptSyntax A1111"), "AdapterNotFound", ErrorCategory.ObjectNotFound, "GetTextEmbedding");
        AssertError(Run("Get-TextEmbedding x -Lora other"), "AdapterInvalid", ErrorCategory.InvalidData, "GetTextEmbedding");
        AssertError(Run("New-DiffusionImage x -Lora style:2000"), "LoraInvalid", ErrorCategory.InvalidArgument, "NewDiffusionImage");
        AssertError(Run("New-DiffusionImage x -TextualInversion no-such"), "AdapterNotFound", ErrorCategory.ObjectNotFound, "NewDiffusionImage");
        AssertError(Run("New-DiffusionImage x -TextualInversion store/inner/style.safetensors"), "AdapterInvalid", ErrorCategory.InvalidData, "NewDiffusionImage");
    }

    [Theory]
    [InlineData("New-DiffusionImage x -Lora st", "style")]
    [InlineData("Get-TextEmbedding x -TextualInversion zo", "zork")]
    public void Names_are_completed(string line, string expected)
    {
        Set("line", line);
        Assert.Contains(expected, RunWell("[System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText").Values<string>());
    }
}
