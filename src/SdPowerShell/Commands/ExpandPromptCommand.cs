using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Noise;
using StableDiffusion.Prompts.Templates;
using StableDiffusion.Storage;

namespace SdPowerShell.Commands;

/// <summary>Makes prompts from templates: some at random, or all.</summary>
[Cmdlet(VerbsData.Expand, "Prompt", DefaultParameterSetName = RandomSet)]
[OutputType(typeof(ExpandedPrompt), typeof(PSObject))]
public sealed class ExpandPromptCommand : DiffusionCmdlet
{
    private const string RandomSet = "Random";
    private const string AllSet = "All";
    private const string TemplateColumn = "_Template";
    private const string ValuesColumn = "_Values";
    private const string SeedColumn = "_TemplateSeed";

    private Wildcards? _wildcards;
    private int _count;

    /// <summary>The templates, or objects with a property Prompt.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject", "Template")]
    [AllowNull]
    [AllowEmptyString]
    public PSObject?[]? Prompt { get; set; }

    /// <summary>How many prompts are made from each template.</summary>
    [Parameter(ParameterSetName = RandomSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = 1;

    /// <summary>Makes every prompt that a template stands for.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AllSet)]
    public SwitchParameter All { get; set; }

    /// <summary>The seed of the random choices.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<long>]
    public Number<long>? Seed { get; set; }

    /// <summary>The folders with the lists of wildcards.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? WildcardPath { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _wildcards = new Wildcards(WildcardPath is null ? [StorageFolders.FromEnvironment().Wildcards] : [.. WildcardPath.Select(FolderOf)]);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (PSObject? input in Prompt ?? [null])
        {
            Input = new InputRecord(input, ++_count);
            string? template = Input.IsText ? (string)input!.BaseObject : Input.Text(nameof(Prompt));
            if (Input.IsText && PromptReader.IsBlankOrComment(template))
                continue;
            Subject = Input.Describe(template, file: null);
            ProcessOne(input, () => Expand(input, template));
        }
    }

    private string FolderOf(string path)
    {
        string folder = ResolveOutput(path);
        if (!Directory.Exists(folder))
            ThrowTerminatingError(DiffusionError.ToErrorRecord(new WildcardNotFoundException($"The folder of wildcards '{folder}' does not exist. Give a folder with text files, each a list."), path, MyInvocation.MyCommand));
        return folder;
    }

    private void Expand(PSObject? input, string? text)
    {
        PromptTemplate template = new(text ?? throw new InvalidSettingException(nameof(Prompt), "There is no template. Give a string, or an object with a property Prompt."), _wildcards!);
        long seed = RandomSeed.Resolve(Number.Read(Seed));
        foreach (ExpandedPrompt prompt in All ? template.All(seed, CancellationToken) : Enumerable.Range(0, Count).Select(i => template.Draw(seed, i, CancellationToken)))
        {
            CancellationToken.ThrowIfCancellationRequested();
            WriteObject(Input!.IsText ? prompt : RowOf(input!, prompt));
        }
    }

    // The other columns of a row stay, and those with an underline are for the reader alone.
    private static PSObject RowOf(PSObject row, ExpandedPrompt prompt)
    {
        PSObject copy = new();
        foreach (PSPropertyInfo property in row.Properties)
            copy.Properties.Add(new PSNoteProperty(property.Name, string.Equals(property.Name, nameof(Prompt), StringComparison.OrdinalIgnoreCase) ? prompt.Prompt : property.Value));
        foreach (PSNoteProperty property in Drawn(prompt))
            copy.Properties.Add(property);
        return copy;
    }

    /// <summary>The columns of a row that say what was drawn.</summary>
    /// <param name="prompt">The prompt.</param>
    internal static IEnumerable<PSNoteProperty> Drawn(ExpandedPrompt prompt) =>
        [new(TemplateColumn, prompt.Template), new(ValuesColumn, prompt.Values), new(SeedColumn, prompt.TemplateSeed)];
}
