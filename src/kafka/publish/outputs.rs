//! Outputs: the topics of annotations, each with the form of its records.

use super::formats::{DEFAULT_FORMAT, Encoder, FORMATS, Names, OutputFormat};
use super::output_config::OutputConfig;
use super::{Config, Provenance};
use crate::kafka::client::{TOPIC_NAME, is_topic_name};

/// The name of the output that `publish.topic` names.
pub const MAIN_OUTPUT: &str = "main";

/// The section with the values that sections of outputs do not set. It is no output.
pub const OUTPUT_TEMPLATE: &str = "default";

/// The most outputs beside the main one. Each encodes every answer once more and holds its records until they are
/// delivered.
const MAX_OUTPUTS: usize = 15;

impl OutputConfig {
    /// The format of that name.
    #[must_use]
    pub fn output_format(&self) -> OutputFormat {
        // Names are checked with the settings.
        format_named(&self.format).unwrap_or(DEFAULT_FORMAT)
    }

    /// What cannot work: the key within the section, and why.
    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !is_topic_name(&self.topic) {
            faults.push(("topic", TOPIC_NAME.to_owned()));
        }
        let Some(format) = format_named(&self.format) else {
            let names: Vec<String> = FORMATS.iter().map(|format| format!("`{}`", format.name)).collect();
            faults.push(("format", format!("is `{}`; it must be one of {}", self.format, names.join(", "))));
            return faults;
        };
        if !format.shapes.contains(&self.shape) {
            let shapes: Vec<String> =
                format.shapes.iter().map(|shape| format!("`{}`", shape.as_str())).collect();
            let message = format!("must be {} for the format `{}`", shapes.join(" or "), format.name);
            faults.push(("shape", message));
        }
        faults
    }
}

impl Config {
    /// All outputs with their names: the main one first, then the others in the order of their names.
    pub fn all_outputs(&self) -> impl Iterator<Item = (&str, OutputConfig)> {
        let others = self.outputs.iter().filter(|(name, _)| name.as_str() != OUTPUT_TEMPLATE);
        let others = others.map(|(name, output)| (name.as_str(), output.clone()));
        std::iter::once((MAIN_OUTPUT, self.main_output())).chain(others)
    }

    /// The topics that are written.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        let outputs = self.all_outputs().map(|(_, output)| output.topic);
        outputs.chain([self.dead_letter_topic.clone()]).collect()
    }

    /// The encoder of the main output for lines of text: where its format has a schema, that of the default format, whose
    /// fields are the same.
    #[must_use]
    pub fn line_encoder(&self, provenance: &Provenance, names: &Names) -> Encoder {
        let mut output = self.main_output();
        if output.output_format().schema.is_some() {
            DEFAULT_FORMAT.name.clone_into(&mut output.format);
        }
        Encoder::of_output(self, (&output, 0), provenance, names)
    }

    /// Faults of settings without a Schema Registry: the key within the section, and why.
    #[must_use]
    pub fn without_registry(&self) -> Vec<(String, String)> {
        let with_schema = self.all_outputs().filter(|(_, output)| output.output_format().schema.is_some());
        let fault = |(name, output): (&str, OutputConfig)| {
            let key =
                if name == MAIN_OUTPUT { "format".to_owned() } else { format!("outputs.{name}.format") };
            (key, format!("is `{}`, which needs a Schema Registry: set registry.url", output.format))
        };
        with_schema.map(fault).collect()
    }

    /// The output of `publish.topic`.
    #[must_use]
    pub fn main_output(&self) -> OutputConfig {
        OutputConfig {
            topic: self.topic.clone(),
            format: self.format.clone(),
            shape: self.shape,
            masks: self.masks,
            boxes: self.boxes,
        }
    }

    /// Faults of the outputs: the key within the section `publish`, and why its value cannot work.
    pub(super) fn output_faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        for (name, output) in self.all_outputs() {
            let key = |key: &str| match name {
                MAIN_OUTPUT => key.to_owned(),
                name => format!("outputs.{name}.{key}"),
            };
            faults.extend(output.faults().into_iter().map(|(leaf, message)| (key(leaf), message)));
        }
        for name in self.outputs.keys() {
            let section = format!("outputs.{name}.topic");
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
            if name == MAIN_OUTPUT {
                faults.push((section, "has the name of the output of publish.topic".to_owned()));
            } else if !name.chars().all(is_plain) {
                let message = "has a name with other letters than a to z, digits, `-` and `_`";
                faults.push((section, message.to_owned()));
            }
        }
        if self.all_outputs().count() > 1 + MAX_OUTPUTS
            && let Some(last) = self.outputs.keys().next_back()
        {
            faults.push((format!("outputs.{last}.topic"), format!("has more than {MAX_OUTPUTS} beside it")));
        }
        faults
    }
}

fn format_named(name: &str) -> Option<OutputFormat> {
    FORMATS.iter().find(|format| format.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::super::output_config::{BoxUnit, MaskForm, Shape};
    use super::*;

    fn output(topic: &str) -> OutputConfig {
        OutputConfig {
            topic: topic.to_owned(),
            format: "riveg".to_owned(),
            shape: Shape::Triple,
            masks: MaskForm::None,
            boxes: BoxUnit::Relative,
        }
    }

    fn config(outputs: &[(&str, OutputConfig)]) -> Config {
        let outputs = outputs.iter().map(|(name, output)| ((*name).to_owned(), output.clone())).collect();
        Config { outputs, ..Config::of_defaults() }
    }

    #[test]
    fn the_main_output_comes_first_and_the_template_is_no_output() {
        let config = config(&[("default", output("")), ("b", output("tb")), ("a", output("ta"))]);
        assert_eq!(config.output_faults(), []);
        let outputs: Vec<(&str, String)> =
            config.all_outputs().map(|(name, output)| (name, output.topic)).collect();
        let expected = [("main", "riveg.annotations"), ("a", "ta"), ("b", "tb")];
        assert_eq!(outputs, expected.map(|(name, topic)| (name, topic.to_owned())));
    }

    #[test]
    fn faults_name_the_key_of_their_output() {
        let unknown = OutputConfig { format: "xml".to_owned(), ..output("t") };
        let many: Vec<(String, OutputConfig)> = (0..=MAX_OUTPUTS)
            .map(|number| (format!("o{number:02}"), output(&format!("t{number}"))))
            .collect();
        let many: Vec<(&str, OutputConfig)> =
            many.iter().map(|(name, output)| (name.as_str(), output.clone())).collect();
        type Named<'a> = (&'a str, OutputConfig);
        let cases: [(&[Named<'_>], &str, &str); 5] = [
            (&[("a", output(""))], "outputs.a.topic", "must be 1 to 249 letters"),
            (&[("a", unknown)], "outputs.a.format", "is `xml`; it must be one of `riveg`"),
            (&[("main", output("t"))], "outputs.main.topic", "the name of the output of publish.topic"),
            (&[("a b", output("t"))], "outputs.a b.topic", "other letters"),
            (&many, "outputs.o15.topic", "more than 15"),
        ];
        for (outputs, key, part) in cases {
            let faults = config(outputs).output_faults();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].0, key, "{faults:?}");
            assert!(faults[0].1.contains(part), "{faults:?}");
        }
    }
}
