using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace HelpGenerator;

/// <summary>Writes help in MAML, the XML that Get-Help reads.</summary>
internal static class MamlWriter
{
    private const string WhatIfText = "Shows what would happen if the cmdlet runs. The cmdlet is not run.";
    private const string ConfirmText = "Asks for confirmation first.";

    private static readonly XNamespace s_help = "http://msh";
    private static readonly XNamespace s_maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace s_command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace s_dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    /// <summary>Saves the help of an assembly's cmdlets.</summary>
    public static void Save(IEnumerable<XElement> commands, string file)
    {
        XDocument document = new(new XElement(s_help + "helpItems", new XAttribute("schema", "maml"), commands));
        using XmlWriter writer = XmlWriter.Create(file, new XmlWriterSettings { Indent = true, NewLineChars = "\n", Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false) });
        document.Save(writer);
    }

    /// <summary>The help of one cmdlet.</summary>
    public static XElement Write(CmdletSurface cmdlet, CmdletPage page)
    {
        Dictionary<string, IReadOnlyList<Paragraph>> texts = page.Parameters.ToDictionary(entry => entry.Title.TrimStart('-'), entry => entry.Text, StringComparer.OrdinalIgnoreCase);
        texts["WhatIf"] = [new Paragraph(WhatIfText)];
        texts["Confirm"] = [new Paragraph(ConfirmText)];
        IReadOnlyList<Paragraph> TextOf(CmdletParameter parameter) => texts.GetValueOrDefault(parameter.Name, []);

        string[] words = cmdlet.Name.Split('-', 2);
        return new XElement(
            s_command + "command",
            new XAttribute(XNamespace.Xmlns + "maml", s_maml),
            new XAttribute(XNamespace.Xmlns + "command", s_command),
            new XAttribute(XNamespace.Xmlns + "dev", s_dev),
            new XElement(
                s_command + "details",
                new XElement(s_command + "name", cmdlet.Name),
                new XElement(s_command + "verb", words[0]),
                new XElement(s_command + "noun", words[1]),
                new XElement(s_maml + "description", Para(page.Synopsis))),
            new XElement(s_maml + "description", Paras(page.Description)),
            new XElement(s_command + "syntax", cmdlet.ParameterSets.Select(set => new XElement(
                s_command + "syntaxItem",
                new XElement(s_maml + "name", cmdlet.Name),
                set.Select(parameter => Parameter(parameter, TextOf(parameter), inSyntax: true))))),
            new XElement(s_command + "parameters", cmdlet.Parameters.Select(parameter => Parameter(parameter, TextOf(parameter), inSyntax: false))),
            new XElement(s_command + "inputTypes", page.Inputs.Select(entry => TypeText("inputType", entry))),
            new XElement(s_command + "returnValues", page.Outputs.Select(entry => TypeText("returnValue", entry))),
            new XElement(s_maml + "alertSet", new XElement(s_maml + "alert", Paras(page.Notes))),
            new XElement(s_command + "examples", page.Examples.Select(Example)),
            new XElement(s_command + "relatedLinks", page.Links.Select(link => new XElement(
                s_maml + "navigationLink",
                new XElement(s_maml + "linkText", link.Text),
                new XElement(s_maml + "uri", link.Address)))));
    }

    private static XElement Parameter(CmdletParameter parameter, IReadOnlyList<Paragraph> text, bool inSyntax)
    {
        string pipeline = (parameter.ByValue, parameter.ByPropertyName) switch
        {
            (true, true) => "True (ByPropertyName, ByValue)",
            (true, false) => "True (ByValue)",
            (false, true) => "True (ByPropertyName)",
            (false, false) => "False",
        };
        string type = parameter.Type.Name;
        XElement element = new(
            s_command + "parameter",
            new XAttribute("required", Word(parameter.Mandatory)),
            new XAttribute("variableLength", "true"),
            new XAttribute("globbing", Word(parameter.Wildcards)),
            new XAttribute("pipelineInput", pipeline),
            new XAttribute("position", parameter.Position?.ToString(CultureInfo.InvariantCulture) ?? "named"),
            new XAttribute("aliases", parameter.Aliases.Count > 0 ? string.Join(", ", parameter.Aliases) : "none"),
            new XElement(s_maml + "name", parameter.Name),
            new XElement(s_maml + "description", Paras(text)));

        // In the syntax a switch has no value, and a choice shows what there is to choose from.
        if (inSyntax && parameter.Values.Count > 0 && !parameter.IsSwitch)
            element.Add(new XElement(s_command + "parameterValueGroup", parameter.Values.Select(Value)));
        if (!inSyntax || !parameter.IsSwitch)
            element.Add(Value(type));

        element.Add(
            new XElement(s_dev + "type", new XElement(s_maml + "name", type), new XElement(s_maml + "uri")),
            new XElement(s_dev + "defaultValue", parameter.Default ?? "None"));
        return element;
    }

    private static XElement Value(string text) => new(
        s_command + "parameterValue", new XAttribute("required", "true"), new XAttribute("variableLength", "false"), text);

    private static XElement TypeText(string name, CmdletPage.Entry entry) => new(
        s_command + name,
        new XElement(s_dev + "type", new XElement(s_maml + "name", entry.Title)),
        new XElement(s_maml + "description", Paras(entry.Text)));

    // The empty paragraph keeps the next title apart.
    private static XElement Example(CmdletPage.Example example) => new(
        s_command + "example",
        new XElement(s_maml + "title", $"---------- {example.Title} ----------"),
        new XElement(s_dev + "code", example.Code),
        new XElement(s_dev + "remarks", Paras(example.Remarks), Para(string.Empty)));

    private static IEnumerable<XElement> Paras(IEnumerable<Paragraph> paragraphs) => paragraphs.Select(paragraph =>
        Para(new string(' ', paragraph.Depth * Paragraph.Step) + paragraph.Mark + paragraph.Text));

    private static XElement Para(string text) => new(s_maml + "para", text);

    private static string Word(bool value) => value ? "true" : "false";
}
