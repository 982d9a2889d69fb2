using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace HelpGenerator;

/// <summary>What PowerShell itself says of a cmdlet, so that the help cannot say otherwise.</summary>
internal sealed class CmdletSurface
{
    private static readonly HashSet<string> s_shouldProcess = new(StringComparer.OrdinalIgnoreCase) { "WhatIf", "Confirm" };

    // What the cmdlets' own types stand for.
    private static readonly Dictionary<string, string[]> s_ownTypes = new(StringComparer.Ordinal)
    {
        ["SdPowerShell.Parameters.ImageInput"] = ["StableDiffusion.Images.DiffusionImage", typeof(FileInfo).FullName!, typeof(string).FullName!],
        ["SdPowerShell.Parameters.RecordedInput"] = ["StableDiffusion.Settings.GeneratedObject", "StableDiffusion.Text.TextEmbedding", typeof(FileInfo).FullName!],
    };

    /// <summary>The name, such as Get-DiffusionDevice.</summary>
    public required string Name { get; init; }

    /// <summary>The parameter sets, each with its parameters in the order of the syntax.</summary>
    public required IReadOnlyList<IReadOnlyList<CmdletParameter>> ParameterSets { get; init; }

    /// <summary>Each parameter once, by name.</summary>
    public required IReadOnlyList<CmdletParameter> Parameters { get; init; }

    /// <summary>The full names of the types that can be piped in, one object at a time.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The full names of the types that come out.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>Whether a word after a dash can stand for a parameter of the cmdlet: a name, an alias, or the only one that starts so.</summary>
    public bool Accepts(string parameter)
    {
        string[] names = [.. Parameters.SelectMany(known => known.Aliases.Prepend(known.Name)), .. Cmdlet.CommonParameters];
        return names.Contains(parameter, StringComparer.OrdinalIgnoreCase)
            || names.Count(name => name.StartsWith(parameter, StringComparison.OrdinalIgnoreCase)) == 1;
    }

    /// <summary>Reads the cmdlets of an assembly.</summary>
    /// <param name="assembly">Its full path.</param>
    public static IReadOnlyList<CmdletSurface> Read(string assembly)
    {
        InitialSessionState state = InitialSessionState.Create();
        Dictionary<string, Type> types = new(StringComparer.Ordinal);
        foreach (Type type in Assembly.LoadFrom(assembly).GetExportedTypes())
        {
            if (type.GetCustomAttribute<CmdletAttribute>() is not CmdletAttribute name)
                continue;

            types.Add($"{name.VerbName}-{name.NounName}", type);
            state.Commands.Add(new SessionStateCmdletEntry($"{name.VerbName}-{name.NounName}", type, helpFileName: null));
        }

        using Runspace runspace = RunspaceFactory.CreateRunspace(state);
        runspace.Open();
        Runspace.DefaultRunspace = runspace;
        return
        [
            .. types.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry =>
                Read((CmdletInfo)runspace.SessionStateProxy.InvokeCommand.GetCommand(entry.Key, CommandTypes.Cmdlet), entry.Value)),
        ];
    }

    private static CmdletSurface Read(CmdletInfo info, Type type)
    {
        object instance = Activator.CreateInstance(type)!;
        try
        {
            CmdletParameter[][] sets =
            [
                .. info.ParameterSets.OrderByDescending(set => set.IsDefault).Select(set => InSyntaxOrder(set)
                    .Select(parameter => Read(parameter, type, instance)).ToArray()),
            ];
            CmdletParameter[] parameters =
            [
                .. sets.SelectMany(set => set).GroupBy(parameter => parameter.Name, StringComparer.Ordinal).Select(Merge)
                    .OrderBy(parameter => parameter.Name, StringComparer.Ordinal),
            ];
            return new CmdletSurface
            {
                Name = info.Name,
                ParameterSets = sets,
                Parameters = parameters,
                Inputs =
                [
                    .. parameters.Where(parameter => parameter.ByValue)
                        .SelectMany(parameter => parameter.Accepts).Distinct().Order(StringComparer.Ordinal),
                ],
                Outputs =
                [
                    .. type.GetCustomAttributes<OutputTypeAttribute>().SelectMany(attribute => attribute.Type)
                        .Select(output => output.Name).Distinct().Order(StringComparer.Ordinal),
                ],
            };
        }
        finally
        {
            (instance as IDisposable)?.Dispose();
        }
    }

    /// <summary>Positional parameters first, then the mandatory ones, then the rest as they are declared; WhatIf and Confirm last.</summary>
    private static IEnumerable<CommandParameterInfo> InSyntaxOrder(CommandParameterSetInfo set) => set.Parameters
        .Where(parameter => !Cmdlet.CommonParameters.Contains(parameter.Name) && !parameter.Attributes.OfType<ParameterAttribute>().Any(attribute => attribute.DontShow))
        .OrderBy(parameter => s_shouldProcess.Contains(parameter.Name))
        .ThenBy(parameter => parameter.Position < 0)
        .ThenBy(parameter => parameter.Position)
        .ThenByDescending(parameter => parameter.IsMandatory);

    private static CmdletParameter Read(CommandParameterInfo parameter, Type type, object instance) => new()
    {
        Name = parameter.Name,
        Type = Plain(parameter.ParameterType),
        Accepts = AcceptedBy(parameter.ParameterType),
        Aliases = [.. parameter.Aliases],
        Mandatory = parameter.IsMandatory,
        Position = parameter.Position < 0 ? null : parameter.Position,
        ByValue = parameter.ValueFromPipeline,
        ByPropertyName = parameter.ValueFromPipelineByPropertyName,
        Wildcards = parameter.Attributes.OfType<SupportsWildcardsAttribute>().Any(),
        Choices = parameter.Attributes.OfType<ValidateSetAttribute>().FirstOrDefault()?.ValidValues.ToArray() ?? [],
        Default = Describe(type.GetProperty(parameter.Name)?.GetValue(instance)),
        IsShouldProcess = s_shouldProcess.Contains(parameter.Name),
    };

    /// <summary>A type without the one around it that only says that a value may be left out, or be none of the type.</summary>
    private static Type Plain(Type type) => type switch
    {
        { IsArray: true } => Plain(type.GetElementType()!).MakeArrayType(),
        { IsGenericType: true, Name: "Number`1" or "Nullable`1" } => type.GenericTypeArguments[0],
        _ when s_ownTypes.ContainsKey(type.FullName!) => typeof(object),
        _ => type,
    };

    /// <summary>The types of the objects in the pipeline that a parameter takes: arrays take theirs one by one.</summary>
    private static string[] AcceptedBy(Type type)
    {
        Type item = type.IsArray ? type.GetElementType()! : type;
        return s_ownTypes.GetValueOrDefault(item.FullName!, [Plain(item).FullName!]);
    }

    /// <summary>One parameter as it is over all the sets that have it.</summary>
    private static CmdletParameter Merge(IEnumerable<CmdletParameter> sets)
    {
        CmdletParameter first = sets.First();
        return first with
        {
            Mandatory = sets.All(parameter => parameter.Mandatory),
            ByValue = sets.Any(parameter => parameter.ByValue),
            ByPropertyName = sets.Any(parameter => parameter.ByPropertyName),
        };
    }

    private static string? Describe(object? value) => value switch
    {
        null or "" => null,
        SwitchParameter set => set.IsPresent.ToString(),
        string text => text,
        IEnumerable items => string.Join(", ", items.Cast<object?>().Select(Describe)) is { Length: > 0 } list ? list : null,
        IFormattable number => number.ToString(format: null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };
}
