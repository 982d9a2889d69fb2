using System.Text;
using System.Xml;

namespace StableDiffusion.Metadata;

/// <summary>The texts in an XMP packet: the one in WebP files of stable-diffusion.cpp, and this library's own record.</summary>
internal static class XmpTexts
{
    /// <summary>The largest size of a packet in a JPEG file, whose segments are limited to 65533 bytes.</summary>
    public const int MaxLengthInJpeg = 65502;

    private const string CppNamespace = "https://github.com/leejet/stable-diffusion.cpp/ns/1.0/";
    private const string CppElement = "parameters";
    private const string OwnNamespace = "urn:stablediffusion-powershell:1";
    private const string OwnPrefix = "sdps";
    private const string RdfNamespace = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

    /// <summary>The identifier at the start of a packet in a JPEG file. Source: XMP specification, part 3.</summary>
    public static ReadOnlySpan<byte> Mark => "http://ns.adobe.com/xap/1.0/\0"u8;

    /// <summary>Creates a packet with one text of this library.</summary>
    /// <param name="name">The text's name, letters and digits.</param>
    /// <param name="text">The text, without control characters.</param>
    /// <returns>The packet, in UTF-8.</returns>
    public static byte[] Write(string name, string text)
    {
        using MemoryStream packet = new();
        using (XmlWriter writer = XmlWriter.Create(packet, new XmlWriterSettings { Encoding = new UTF8Encoding(false), OmitXmlDeclaration = true }))
        {
            writer.WriteStartElement("x", "xmpmeta", "adobe:ns:meta/");
            writer.WriteStartElement("rdf", "RDF", RdfNamespace);
            writer.WriteStartElement("rdf", "Description", RdfNamespace);
            writer.WriteAttributeString("rdf", "about", RdfNamespace, string.Empty);
            writer.WriteElementString(OwnPrefix, name, OwnNamespace, text);
        }

        return packet.ToArray();
    }

    /// <summary>Collects the texts.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="texts">Receives the texts.</param>
    public static void Read(ReadOnlySpan<byte> packet, TextEntryList texts)
    {
        if (packet.Length > TextEntryList.MaxBytes)
            return;

        XmlReaderSettings settings = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false };
        try
        {
            using MemoryStream stream = new(packet.ToArray());
            using XmlReader reader = XmlReader.Create(stream, settings);
            while (!reader.EOF)
            {
                // Reading an element advances to the node after it.
                if (reader.NodeType == XmlNodeType.Element && (reader.NamespaceURI == OwnNamespace || (reader.NamespaceURI == CppNamespace && reader.LocalName == CppElement)))
                    texts.Add("XMP", reader.LocalName, reader.ReadElementContentAsString());
                else
                    reader.Read();
            }
        }
        catch (XmlException)
        {
            texts.Warnings.Add("The XMP packet is damaged and was ignored.");
        }
    }
}
