using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;
using System.Text.RegularExpressions;
using SdPowerShell.Commands;
using StableDiffusion;

namespace SdPowerShell.Scripts;

/// <summary>
/// Reads a script as PowerShell will, and refuses it if it holds anything but the commands that make images, with constants. What
/// is written may be a stranger's text, and the writer of literals need not be the only wall before it.
/// </summary>
internal static partial class ScriptCheck
{
    private const int LongestQuote = 100;

    private static readonly Dictionary<string, HashSet<string>> s_parameters = new(StringComparer.Ordinal)
    {
        ["Get-Item"] = ["LiteralPath"],
        ["New-DiffusionImage"] = ParametersOf<NewDiffusionImageCommand>(),
        ["Get-TextEmbedding"] = ParametersOf<GetTextEmbeddingCommand>(),
        ["Invoke-Denoise"] = ParametersOf<InvokeDenoiseCommand>(),
        ["ConvertFrom-Latent"] = ParametersOf<ConvertFromLatentCommand>(),
        ["ConvertTo-Latent"] = ParametersOf<ConvertToLatentCommand>(),
        ["ConvertTo-ControlImage"] = ParametersOf<ConvertToControlImageCommand>(),
        ["Repair-DiffusionImage"] = ParametersOf<RepairDiffusionImageCommand>(),
        ["Resize-DiffusionImage"] = ParametersOf<ResizeDiffusionImageCommand>(),
        ["Expand-DiffusionImage"] = ParametersOf<ExpandDiffusionImageCommand>(),
        ["Join-DiffusionImage"] = ParametersOf<JoinDiffusionImageCommand>(),
        ["Export-DiffusionAnimation"] = ParametersOf<ExportDiffusionAnimationCommand>(),
        ["Merge-TextEmbedding"] = ParametersOf<MergeTextEmbeddingCommand>(),
        ["Merge-Latent"] = ParametersOf<MergeLatentCommand>(),
        ["Resize-Latent"] = ParametersOf<ResizeLatentCommand>(),
        ["Add-LatentNoise"] = ParametersOf<AddLatentNoiseCommand>(),
    };

    /// <summary>Checks a script.</summary>
    /// <param name="script">The script.</param>
    /// <returns>The script.</returns>
    /// <exception cref="NotRepeatableException">It is no valid script, or does something else; the message quotes what.</exception>
    public static string Checked(string script)
    {
        ScriptBlockAst root = Parser.ParseInput(script, out Token[] tokens, out ParseError[] errors);

        // At the end of a command, an ampersand runs it in the background.
        IScriptExtent? fault = errors.FirstOrDefault()?.Extent
            ?? Array.Find(tokens, static token => token.Kind == TokenKind.Ampersand)?.Extent
            ?? root.Find(static part => !IsAllowed(part), searchNestedScriptBlocks: true)?.Extent;
        if (fault is not null)
            throw new NotRepeatableException($"The record would become more than the commands that make an image: '{PrintableText.Of(fault.Text, LongestQuote)}'. It is damaged, or meant to do harm.");
        return script;
    }

    private static bool IsAllowed(Ast part) => part switch
    {
        ScriptBlockAst block => block is { Parent: null, ParamBlock: null, DynamicParamBlock: null, BeginBlock: null, ProcessBlock: null, UsingStatements.Count: 0 },
        NamedBlockAst block => block is { Unnamed: true, Traps: null },
        PipelineAst => true,
        AssignmentStatementAst assignment => assignment is { Operator: TokenKind.Equals, Left: VariableExpressionAst variable } && IsOwn(variable),
        CommandAst command => IsCommand(command),
        CommandParameterAst or ConstantExpressionAst and not StringConstantExpressionAst or ArrayLiteralAst or ParenExpressionAst or HashtableAst => true,
        CommandExpressionAst expression => expression.Redirections.Count == 0,
        ArrayExpressionAst or StatementBlockAst { Parent: ArrayExpressionAst, Traps: null } => true,

        // A word without quotes is the name of a command.
        StringConstantExpressionAst text => text.StringConstantType is StringConstantType.SingleQuoted or StringConstantType.DoubleQuoted || text.Parent is CommandAst command && command.CommandElements[0] == text,
        VariableExpressionAst variable => !variable.Splatted && (IsOwn(variable) || variable.VariablePath.UserPath is "true" or "false" or "null"),
        _ => false,
    };

    private static bool IsCommand(CommandAst command) => command is { InvocationOperator: TokenKind.Unknown, Redirections.Count: 0, DefiningKeyword: null }
        && command.CommandElements[0] is StringConstantExpressionAst { StringConstantType: StringConstantType.BareWord } name
        && s_parameters.TryGetValue(name.Value, out HashSet<string>? known)
        && command.CommandElements.OfType<CommandParameterAst>().All(parameter => known.Contains(parameter.ParameterName));

    private static bool IsOwn(VariableExpressionAst variable) => OwnVariable().IsMatch(variable.VariablePath.UserPath);

    private static HashSet<string> ParametersOf<T>()
        where T : Cmdlet => [.. typeof(T).GetProperties().Where(static property => property.IsDefined(typeof(ParameterAttribute))).Select(static property => property.Name)];

    [GeneratedRegex("^(image|latent|embedding)[0-9]+$", RegexOptions.CultureInvariant)]
    private static partial Regex OwnVariable();
}
