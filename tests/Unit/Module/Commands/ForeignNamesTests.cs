using System.Management.Automation;
using System.Text;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Metadata;
using StableDiffusion.Tests.Pipelines;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Prompts and images that name files: anyone can write them, so they must not choose what is opened.</summary>
public sealed class ForeignNamesTests : CommandTests
{
    private const string Cmdlet = "NewDiffusionImage";

    public ForeignNamesTests(CommandShell fixture)
        : base(fixture)
    {
        File.WriteAllText(Folder["secret.safetensors"], "root:x:0:0");
        Set("secret", Folder["secret.safetensors"]);
    }

    [Theory]
    [InlineData("$($secret)")]
    [InlineData("secret")]
    [InlineData("secret.safetensors")]
    [InlineData("./secret.safetensors")]
    public void A_tag_names_no_file_outside_the_folder_of_LoRAs(string name)
    {
        ErrorRecord error = AssertError(Run($"New-DiffusionImage \"a<lora:{name}:1>\" -PromptSyntax A1111 -Steps 1"), "AdapterNotFound", ErrorCategory.ObjectNotFound, Cmdlet);

        Assert.Contains("Only names of what is in that folder", error.Exception.Message, StringComparison.Ordinal);
        Assert.EndsWith(" Or give its path, without -NamesOnly.", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OutFile = '../a.png'", "", "OutFileInvalid")]
    [InlineData("OutFile = 'sub/../../a.png'", "", "OutFileInvalid")]
    [InlineData("OutFile = $outside", "", "OutFileInvalid")]
    [InlineData("OutFile = $outside", "-OutDirectory out", "OutFileInvalid")]
    [InlineData("OutFile = '../a.png'", "-OutDirectory out", "OutFileInvalid")]
    [InlineData("OutFile = '../a.png'; OutDirectory = 'sub'", "", "OutFileInvalid")]
    [InlineData("OutDirectory = '..'", "", "OutDirectoryInvalid")]
    [InlineData("OutFile = 'link/a.png'", "", "OutFileInvalid")]
    [InlineData("OutFile = 'link/sub/deep/a.png'", "-OutDirectory .", "OutFileInvalid")]
    [InlineData("OutDirectory = 'link'", "", "OutDirectoryInvalid")]
    public void With_names_only_a_row_writes_nothing_out_of_the_folder(string columns, string arguments, string id)
    {
        Set("outside", Path.Combine(Path.GetTempPath(), "a.png"));
        Directory.CreateSymbolicLink(Folder["link"], Path.GetTempPath());
        ShellResult result = Run($"[pscustomobject]@{{ Prompt = 'a'; {columns} }}, [pscustomobject]@{{ Prompt = 'b'; OutFile = 'sub/b.png' }} | New-DiffusionImage -Steps 1 -NamesOnly {arguments}");

        Assert.StartsWith($"{id},", Assert.Single(result.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains("leads out of the", result.Errors[0].Exception.Message, StringComparison.Ordinal);
        Assert.Equal(Folder[arguments.EndsWith("out", StringComparison.Ordinal) ? "out/sub/b.png" : "sub/b.png"], Assert.Single(result.Values<StableDiffusion.Images.DiffusionImage>()).Path);
    }

    [Fact]
    public void Paths_that_the_user_gives_are_not_held_in_the_folder()
    {
        using TemporaryFolder other = new();
        Set("other", other.Path);
        ShellResult result = Run("[pscustomobject]@{ Prompt = 'a' } | New-DiffusionImage -Steps 1 -NamesOnly -OutFile \"$other/x.png\"; [pscustomobject]@{ Prompt = 'a'; OutFile = 'y.png' } | New-DiffusionImage -Steps 1 -NamesOnly -OutDirectory $other");

        Assert.Empty(result.Errors);
        Assert.Equal([other["x.png"], other["y.png"]], result.Values<StableDiffusion.Images.DiffusionImage>().Select(static image => image.Path));
    }

    [Fact]
    public void The_model_of_an_image_is_a_name()
    {
        foreach (string model in (string[])[Folder["secret.safetensors"], "secret.safetensors", "../secret.safetensors", @"\\host\share\secret.safetensors", @"C:\secret.safetensors", "C:secret.safetensors", "secret.safetensors/"])
        {
            File.WriteAllBytes(Folder["image.png"], MetadataFiles.Png(MetadataFiles.TextChunk("parameters", $"a\nSteps: 1, Sampler: Euler, Seed: 1, Model: {model}")));

            Assert.Equal("secret.safetensors", MetadataReader.Read(Folder["image.png"]).Model);
            ShellResult result = Run("Get-DiffusionMetadata image.png");
            Assert.Null(Assert.Single(result.Values<ImageMetadata>()).Model);
            Assert.Contains("'secret.safetensors' was not found", Assert.Single(result.Warnings), StringComparison.Ordinal);
        }
    }

    /// <summary>What a file says must not control the terminal that shows it. The properties stay as they are.</summary>
    [Theory]
    [InlineData("Out-String -Width 300")]
    [InlineData("Format-List | Out-String -Width 300")]
    [InlineData("ForEach-Object ToString")]
    [InlineData("ForEach-Object { $_.Info } | Out-String -Width 300")]
    [InlineData("ForEach-Object { $_.Entries } | ForEach-Object ToString")]
    [InlineData("ForEach-Object { $_.Warnings }")]
    public void What_is_shown_of_a_file_is_printable(string shown)
    {
        const string Escape = "\u001b]0;x\u0007\u009b31m\u202eab";
        File.WriteAllBytes(Folder["image.png"], MetadataFiles.Png(MetadataFiles.InternationalText(
            "parameters", $"p{Escape}\nNegative prompt: n{Escape}\nSteps: 2, Sampler: DDIM, Seed: 1, Size: 64x64, Model: m{Escape}, Foo: {Escape}", isDeflated: false)));

        ShellResult result = Run($"$metadata = Get-DiffusionMetadata image.png; $metadata | {shown}");

        Assert.All(result.Values<string>(), static text => Assert.DoesNotContain(text, static letter => (char.IsControl(letter) && letter is not ('\r' or '\n')) || letter == '\u202e'));
        Assert.Equal($"p{Escape}", Assert.Single(Run("(Get-DiffusionMetadata image.png).Prompt").Values<string>()));
    }

    [Theory]
    [InlineData("Selected")]
    [InlineData("Deserialized")]
    public void What_a_copy_of_the_metadata_has_is_a_name_too(string kind)
    {
        PSObject copy = new();
        copy.TypeNames.Insert(0, $"{kind}.StableDiffusion.Metadata.ImageMetadata");
        copy.Properties.Add(new PSNoteProperty("Prompt", "a"));
        copy.Properties.Add(new PSNoteProperty("Model", "secret.safetensors"));
        Set("copy", copy);

        AssertError(Run("$copy | New-DiffusionImage"), "ModelNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
        AssertError(Run("$copy | New-DiffusionImage -Model $secret"), "ModelInvalid", ErrorCategory.InvalidData, Cmdlet);
    }

    [Fact]
    public void A_name_in_the_pipeline_is_no_file_in_the_current_location_for_an_image_to_encode()
    {
        AssertError(Run($"[pscustomobject]@{{ Path = '{Scene}'; Model = 'secret.safetensors' }} | ConvertTo-Latent"), "ModelNotFound", ErrorCategory.ObjectNotFound, "ConvertToLatent");
    }

    [Theory]
    [InlineData("Import-Latent latent.safetensors | Invoke-Denoise $embedding", "InvokeDenoise")]
    [InlineData("Invoke-Denoise $embedding -Latent (Import-Latent latent.safetensors)", "InvokeDenoise")]
    [InlineData("Import-Latent latent.safetensors | ConvertFrom-Latent", "ConvertFromLatent")]
    [InlineData("ConvertFrom-Latent (Import-Latent latent.safetensors)", "ConvertFromLatent")]
    [InlineData("Import-TextEmbedding embedding.safetensors | Invoke-Denoise", "InvokeDenoise")]
    [InlineData("Invoke-Denoise (Import-TextEmbedding embedding.safetensors)", "InvokeDenoise")]
    [InlineData("Import-Latent latent.safetensors | New-DiffusionImage", Cmdlet)]
    public void The_model_of_a_latent_and_of_an_embedding_in_a_file_is_a_name(string script, string cmdlet)
    {
        Set("embedding", WriteFiles());

        AssertError(Run(script), "ModelNotFound", ErrorCategory.ObjectNotFound, cmdlet);
    }

    [Fact]
    public void The_LoRAs_of_an_embedding_in_a_file_are_names()
    {
        WriteFiles();

        AssertError(Run("Import-TextEmbedding embedding.safetensors | Invoke-Denoise -Model demo"), "AdapterNotFound", ErrorCategory.ObjectNotFound, "InvokeDenoise");
    }

    [Theory]
    [InlineData("\"Lora\":\"[\\\"/etc/secret.safetensors:0.5\\\"]\"", "AdapterNotFound")]
    [InlineData("\"TextualInversion\":\"[\\\"secret.safetensors\\\"]\"", "AdapterNotFound")]
    public void The_record_of_this_module_can_be_forged_too(string member, string id)
    {
        WriteRecord($"{{\"Prompt\":\"a\",\"Seed\":1,\"Steps\":1,{member}}}");

        AssertError(Run("Get-DiffusionMetadata image.png | New-DiffusionImage"), id, ErrorCategory.ObjectNotFound, Cmdlet);
    }

    [Fact]
    public void A_ControlNet_in_a_stage_is_not_opened_by_path()
    {
        string model = FamilyReference.Find("sd1", "sd1-tiny.safetensors"), net = $"-ControlNet '{Repository.Data("adapters", "sd1-controlnet")}' -ControlImage '{Scene}'";
        RunWell($"$e = Get-TextEmbedding a -Model '{model}'; $e | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1 {net} | Invoke-Denoise -Embedding $e -GuidanceScale 2 {net} | ConvertFrom-Latent | Export-DiffusionImage image.png");

        AssertError(Run($"Get-DiffusionMetadata image.png -WarningAction SilentlyContinue | New-DiffusionImage -Model '{model}' -ControlImage '{Scene}'"), "ControlNetNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    public void A_model_without_a_name_in_a_stage_is_an_error_of_its_image(string model)
    {
        const string Made = "\"Prompt\":\"a\",\"Seed\":1,\"Steps\":1,\"Width\":64,\"Height\":64,\"Scheduler\":\"DDIM\",\"GuidanceScale\":1";
        WriteRecord($"{{{Made},\"Stages\":[{{\"Operation\":\"Denoise\",\"Settings\":{{{Made.Replace("\"Prompt\":\"a\",", "", StringComparison.Ordinal)},\"Model\":\"{model}\"}},\"Inputs\":{{\"Embedding\":[[{{\"Operation\":\"EncodePrompt\",\"Settings\":{{\"Prompt\":\"a\"}}}}]]}}}},{{\"Operation\":\"Decode\",\"Settings\":{{}}}}]}}");

        ShellResult result = Run($"New-DiffusionImage b -Steps 1 -OutFile good.png | Out-Null; Get-DiffusionMetadata image.png, good.png | New-DiffusionImage");

        Assert.Equal("ModelNotFound", Assert.Single(result.Errors).FullyQualifiedErrorId.Split(',')[0]);
        Assert.Equal("b", Assert.Single(result.Values<DiffusionImage>()).Prompt);
    }

    [Fact]
    public void A_control_image_and_a_ControlNet_are_not_opened_by_path()
    {
        WriteRecord("{\"Prompt\":\"a\",\"Seed\":1,\"Steps\":1,\"ControlNets\":[{\"Name\":\"/etc/net\",\"Image\":\"/etc/passwd\",\"Scale\":1,\"Start\":0,\"End\":1,\"Preprocessor\":\"None\"}]}");

        ImageMetadata metadata = Assert.Single(RunWell("Get-DiffusionMetadata image.png -WarningAction SilentlyContinue").Values<ImageMetadata>());

        Assert.Null(metadata.ControlImage);
        Assert.Equal(["net"], metadata.ControlNet!);
        Assert.Contains(metadata.Warnings, warning => warning.Contains("passwd", StringComparison.Ordinal));
        AssertError(Run($"Get-DiffusionMetadata image.png | New-DiffusionImage -ControlImage '{Scene}'"), "ControlNetNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
    }

    [Fact]
    public void A_path_of_the_users_own_is_opened_and_its_bytes_are_not_shown()
    {
        ErrorRecord error = AssertError(Run("[pscustomobject]@{ Prompt = 'a'; Model = $secret; Steps = 1 } | New-DiffusionImage"), "ModelInvalid", ErrorCategory.InvalidData, Cmdlet);

        Assert.DoesNotContain(Convert.ToHexString("root"u8), error.Exception.Message, StringComparison.Ordinal);
    }

    /// <summary>A script is run where a file may have the name that a stranger wrote into the image.</summary>
    [Theory]
    [InlineData("""{"Prompt":"a","Seed":1,"Steps":1,"Model":"secret.safetensors"}""", "ModelNotFound", "the model 'secret.safetensors'")]
    [InlineData("""{"Prompt":"a","Seed":1,"Steps":1,"Lora":"[\"secret.safetensors:0.5\"]"}""", "AdapterNotFound", "the LoRA 'secret'")]
    [InlineData("""{"Prompt":"a","Seed":1,"Steps":1,"TextualInversion":"[\"secret.safetensors\"]"}""", "AdapterNotFound", "the embedding 'secret.safetensors'")]
    [InlineData("""{"Prompt":"a","Stages":[{"Operation":"Denoise","Settings":{"Seed":1,"Steps":1,"Lora":["secret.safetensors"]},"Inputs":{"Embedding":[[{"Operation":"EncodePrompt","Settings":{"Prompt":"a"}}]]}},{"Operation":"Decode"}]}""", null, null)]
    public void A_script_of_an_image_takes_names_for_names(string record, string? id, string? missing)
    {
        WriteRecord(record);
        ShellResult written = Run("ConvertTo-DiffusionScript image.png");
        if (id is null)
        {
            AssertError(written, "RecordNotRepeatable", ErrorCategory.InvalidData, "ConvertToDiffusionScript");
            return;
        }

        string script = Assert.Single(written.Values<string>());
        Assert.Contains($"\n# Not on this computer: {missing}. To use a path of your own instead, remove -NamesOnly.\n", script, StringComparison.Ordinal);
        ShellResult result = Run(script);
        Assert.StartsWith(id + ",", (result.Errors.SingleOrDefault() ?? result.TerminatingError)!.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    /// <summary>Writes a latent and an embedding whose model and LoRA are files.</summary>
    /// <returns>An embedding of the model that comes with the module.</returns>
    private TextEmbedding WriteFiles()
    {
        TextVectors vectors = new(new Tensor(1, 77, 128), PooledState: null);
        PromptOptions options = new() { LoraNames = ["secret"], Loras = [Folder["secret.safetensors"] + ":0.5"] };
        TextEmbeddingFile.Write(new TextEmbedding("a", options, vectors, [], [], Folder["secret.safetensors"]), Folder["embedding.safetensors"]);
        LatentFile.Write(new Latent(new Tensor(1, 4, 8, 8), new GenerationInfo { Prompt = "a", Seed = 1, Model = Folder["secret.safetensors"] }), Folder["latent.safetensors"]);
        return new TextEmbedding("a", PromptOptions.Default, vectors, [], [], "demo");
    }

    private void WriteRecord(string json) => File.WriteAllBytes(Folder["image.png"], MetadataFiles.Png(MetadataFiles.TextChunk("sdpsGeneration", Encoding.ASCII.GetBytes(json))));
}
